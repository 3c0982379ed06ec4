// What a CPU computes as whole tensors before a softmax.
#pragma once

#include "../generators/variant.h"

namespace attune {

// The innermost dimension on the lanes, or in a dot product of heads of constant size the columns
// that it sums. lanes: f32 in a vector register; at: where it is made.
void schedule_before(Func f, const Dims &v, int lanes,
                     const Halide::LoopLevel &at = Halide::LoopLevel::root());

// Columns, the first dimension, inside the rows that an update sums: a row is read in one piece, in
// registers if its columns are bounded by a constant.
void whole_rows(Func f, int update, int lanes);

// Rows in parallel; sums over heads with columns on the lanes.
void schedule_norm(RowNorm &n, const Dims &v, int lanes);

}  // namespace attune
