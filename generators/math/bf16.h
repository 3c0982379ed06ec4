// Pairs of bf16 in 32-bit lanes, for CPUs that multiply them: both products of two pairs are added
// to an f32 in one instruction (x86's vdpbf16ps), twice the rate of f32 multiply-adds.
#pragma once

#include <functional>

#include "Halide.h"

namespace attune {

// sum + the products of the low and of the high elements of two pairs (UInt(32)). Numbers below the
// normal ones count 0. There is no scalar version: it must be vectorised by 16.
Halide::Expr add_products(Halide::Expr sum, Halide::Expr a, Halide::Expr b);

// Elements i and i + 1 of f32 values, rounded to bf16 unless they were widened from it: then the
// pair is their bits in memory, one 32-bit load. Element i + 1 is not loaded and counts 0 if it is
// `end`.
Halide::Expr bf16_pair(const std::function<Halide::Expr(Halide::Expr)> &load, Halide::Expr i,
                       Halide::Expr end);

// The elements by themselves, of storage bf16 or rounded to it.
Halide::Expr bf16(Halide::Expr value);
// Element 0 or 1 of a pair.
Halide::Expr bf16_of_pair(Halide::Expr pair, Halide::Expr which);

// A = 2^(a + 1/2), B = 2^(b + 1/2) for a, b <= -1/2: the pair, each rounded to bf16 once, and
// A + weight * B. Far below the pair has numbers that add_products takes for 0.
Halide::Tuple exp2_bf16_pair(Halide::Expr a, Halide::Expr b, Halide::Expr weight);

}  // namespace attune
