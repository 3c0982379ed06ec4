// Exponentials as polynomials, so that they vectorise on every target.
#pragma once

#include "Halide.h"

namespace attune {

constexpr float kLog2e = 1.44269504f;  // log2(e)

// The integer nearest to x, as bits that are added to those of a float near 1 to scale it by
// 2^integer, and x - integer. For |x| < 2^22.
struct Rounded {
    Halide::Expr exponent, part;
};
Rounded rounded(Halide::Expr x);

// 2^x for x <= 0 in f32, relative error 2.4e-7. Below -126 it gives 2^-126, not 0: a caller that
// must not see that selects 0 itself. Halide's fast_exp gives NaN there.
Halide::Expr exp2_nonpositive(Halide::Expr x);

// The same by pairs of terms: one multiplication more, but no chain of five that wait for each
// other. For vectors that leave the multiply-add pipes idle meanwhile.
Halide::Expr exp2_nonpositive_in_pairs(Halide::Expr x);

}  // namespace attune
