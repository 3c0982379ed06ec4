#ifndef ATTUNE_CHOICE_H
#define ATTUNE_CHOICE_H

#include "arguments.h"

namespace attune {

/* The first kernel of the pack that takes these arguments, from the context's level of the target
 * down. Never looks at what must not change a row's bits: threads, strides, addresses. */
attune_status choose_kernel(const Arguments &a, int *kernel);

}  // namespace attune
#endif
