// What is no softmax over keys: a row at a time.
#pragma once

#include "../generators/variant.h"

namespace attune {

// lanes: f32 in a vector register; 0: a GPU, an element a thread.
void schedule_direct(Direct &x, int lanes);

}  // namespace attune
