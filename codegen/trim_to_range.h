// Loop bounds from the range of keys.
#pragma once

#include "../generators/blocked_softmax.h"

namespace attune {

// A lowering pass that ends the loops over chunks, groups and keys of each source where the block's
// range of keys ends, or begins and ends them with the range of the tile that they are in, ends
// those over tiles with the last row of the sequence, leaves out blocks that have none (32 packed
// sequences of 128 tokens: 0.23 -> 0.61 of the peak) and Relative::margin. Halide ends loops by
// itself for simple kernels (its TrimNoOps); where rows or permutations are loaded it leaves
// conditions inside the loops, computes scores of groups past the end before it skips storing them,
// and so reads keys that do not exist. For CPU schedules.
Halide::Internal::IRMutator *make_trim_to_range(const Softmax &x);

}  // namespace attune
