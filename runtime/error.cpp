/* Status names and the message of the last failed call. The message lives in a fixed buffer of the
 * thread, so that reporting "out of memory" allocates nothing. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

namespace attune {

static thread_local char last_message[512];

attune_status fail(attune_status status, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(last_message, sizeof last_message, format, list);
    va_end(list);
    for (char *c = last_message; *c; c++) {
        if (*c == '\n') *c = ' ';  // one line, whatever a GPU driver wrote
    }
    return status;
}

}  // namespace attune

extern "C" {

const char *attune_error_message(void) { return attune::last_message; }

const char *attune_version(void) { return ATTUNE_VERSION; }

int attune_abi_version(void) { return ATTUNE_ABI_VERSION; }

const char *attune_status_name(attune_status status) {
    switch (status) {
        case ATTUNE_OK:
            return "ok";
        case ATTUNE_NULL_ARGUMENT:
            return "null argument";
        case ATTUNE_BAD_RANK:
            return "bad rank";
        case ATTUNE_BAD_EXTENT:
            return "bad extent";
        case ATTUNE_BAD_DTYPE:
            return "bad dtype";
        case ATTUNE_BAD_LAYOUT:
            return "bad layout";
        case ATTUNE_BAD_OVERLAP:
            return "bad overlap";
        case ATTUNE_BAD_DEVICE:
            return "bad device";
        case ATTUNE_BAD_VALUE:
            return "bad value";
        case ATTUNE_UNKNOWN_NAME:
            return "unknown name";
        case ATTUNE_BAD_VERSION:
            return "bad version";
        case ATTUNE_NO_KERNEL:
            return "no kernel";
        case ATTUNE_UNSUPPORTED_TARGET:
            return "unsupported target";
        case ATTUNE_BAD_PACK:
            return "bad pack";
        case ATTUNE_OUT_OF_MEMORY:
            return "out of memory";
        case ATTUNE_DEVICE_FAILED:
            return "device failed";
        case ATTUNE_INTERNAL:
            return "internal error";
    }
    return "unknown status";
}

}  // extern "C"
