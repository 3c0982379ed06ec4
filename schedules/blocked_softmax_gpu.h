// Blocked softmax on a GPU: register tiles of queries x keys and queries x columns in each thread.
#pragma once

#include "../generators/blocked_softmax.h"
#include "params.h"

namespace attune {

// head: the largest head size of the kernel; tiles are padded to what the threads own. Throws
// std::runtime_error for numbers that fit no block of threads.
Blocking gpu_blocking(const Params &params, int head, bool cuda);

void schedule_gpu(Softmax &x, const Attention &attention, const Params &params);

}  // namespace attune
