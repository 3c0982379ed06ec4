// What a CPU computes as whole tensors before a softmax.
#pragma once

#include "../generators/variant.h"

namespace attune {

// The innermost dimension on the lanes, or in a dot product of heads of constant size the columns
// that it sums. lanes: f32 in a vector register; at: where it is made.
void schedule_before(Func f, const Dims &v, int lanes,
                     const Halide::LoopLevel &at = Halide::LoopLevel::root());

// Rows in parallel; sums over heads with columns on the lanes.
void schedule_norm(RowNorm &n, const Dims &v, int lanes);

}  // namespace attune
