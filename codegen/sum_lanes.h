// Sums across the lanes of a vector.
#pragma once

#include "Halide.h"

namespace attune {

// A lowering pass that adds the halves of a vector, then the halves of that, in place of LLVM's
// sum, which is one lane after the other (16 additions that wait for each other, in place of 4),
// and stores what a vectorised loop sums without a lock: Halide locks it wherever a parallel loop
// is around, though no variant's iterations share a sum. For CPU schedules.
Halide::Internal::IRMutator *make_sum_lanes();

}  // namespace attune
