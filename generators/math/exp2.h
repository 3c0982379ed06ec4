// Exponentials as polynomials, so that they vectorise on every target.
#pragma once

#include "Halide.h"

namespace attune {

constexpr float kLog2e = 1.44269504f;  // log2(e)

// 2^x for x <= 0 in f32, relative error 1e-7. Below -126 it gives 2^-126, not 0: a caller that must
// not see that selects 0 itself. Halide's fast_exp gives NaN there.
Halide::Expr exp2_nonpositive(Halide::Expr x);

}  // namespace attune
