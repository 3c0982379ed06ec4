// Weights of a layer that nobody has trained: the same numbers on every machine and in
// reference/make_reference.py.
#ifndef LONG_RANGE_BLOCKS_RANDOM_WEIGHTS_H
#define LONG_RANGE_BLOCKS_RANDOM_WEIGHTS_H

#include "weights.h"

/// [rows, columns], in [-bound, bound).
Rows uniform(uint32_t seed, int64_t rows, int64_t columns, float bound);
/// In [-sqrt(3 / columns), sqrt(3 / columns)): a product keeps the variance of its input.
Rows uniform(uint32_t seed, int64_t rows, int64_t columns);

/// Weights [out, in] of the seed; the bias, if any, of seed + 100.
Linear random_linear(uint32_t seed, int64_t out, int64_t in, bool bias = true);
/// Some as one product, their rows below each other.
Linear stacked(const std::vector<Linear> &parts);
/// A scale around 1 and a shift around 0.
Norm random_norm(uint32_t seed, int64_t width);

/// x weight^T + bias.
Rows apply(const Linear &linear, const Eigen::Ref<const Rows> &x);
/// LayerNorm of each row.
Rows normalized(const Rows &x, const Norm &norm, float epsilon);

#endif
