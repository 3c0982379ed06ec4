// Loops that a reduction can share with what it reduces.
#pragma once

#include "../generators/blocked_softmax.h"

namespace attune {

// A lowering pass that takes the maximum of a row in the loop that makes its scores, and the sum in
// that which makes its probabilities. Halide has no schedule for it: compute_with() is for Funcs
// that do not read each other, and a Func computed inside the loop of one of its consumers is gone
// after it, while the second product reads the probabilities once more. Each of the two was a loop
// of its own of one load and one operation a vector, whose iterations wait for each other: 3
// cycles on Zen 4, 4 on Intel's cores. For CPU schedules with queries on the lanes.
Halide::Internal::IRMutator *make_join_loops(const Softmax &x);

}  // namespace attune
