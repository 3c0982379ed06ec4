// Prefetches for the block of queries that comes next.
#pragma once

#include "../generators/blocked_softmax.h"

namespace attune {

// A lowering pass for CPU schedules with queries on the lanes. A block of queries asks for the next
// block's, and for the lines of the result that it is to store (codegen/prefetch.h asks for keys).
Halide::Internal::IRMutator *make_next_block(const Softmax &x);

}  // namespace attune
