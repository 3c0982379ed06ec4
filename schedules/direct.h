// What is no softmax over keys: a row at a time.
#pragma once

#include "../generators/variant.h"

namespace attune {

// On a CPU. lanes: f32 in a vector register.
void schedule_direct(Direct &x, const Dims &v, int lanes);

}  // namespace attune
