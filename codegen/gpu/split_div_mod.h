// Quotients and remainders by constants that the bounds of loops decide:
// (128 * a + r) / 128 -> a and (128 * a + r) % 128 -> r where 0 <= r < 128.
#pragma once

#include "Halide.h"

namespace attune {

using LoopBounds = Halide::Internal::Scope<Halide::Internal::Interval>;

// Halide's simplify() alone leaves these, as it does not know the bounds of loops.
Halide::Expr split_div_mod(const Halide::Expr &e, const LoopBounds &bounds);

}  // namespace attune
