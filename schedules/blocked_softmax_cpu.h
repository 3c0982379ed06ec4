// Blocked softmax on a CPU: queries on the vector lanes.
#pragma once

#include "../generators/blocked_softmax.h"
#include "params.h"

namespace attune {

Blocking cpu_blocking(const Params &params, const Storage &storage);

// lanes: f32 in a vector register.
void schedule_cpu(Softmax &x, const Attention &attention, int lanes);

}  // namespace attune
