#ifndef ATTUNE_DEVICE_H
#define ATTUNE_DEVICE_H

#include "buffers.h"
#include "call.h"

namespace attune {

/* Runs a GPU kernel on tensors in host memory: moves the inputs there, the outputs back. Failures
 * end up in the call; then no output has been written. */
void run_on_device(Call &call, const Arguments &a, const attune_kernel &kernel, Buffers &buffers,
                   void **args);

}  // namespace attune
#endif
