#ifndef ATTUNE_ERROR_H
#define ATTUNE_ERROR_H

#include "attune.h"

namespace attune {

/* Keeps the message for attune_error_message() on this thread and returns the status. */
attune_status fail(attune_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

}  // namespace attune
#endif
