#ifndef ATTUNE_CONTEXT_H
#define ATTUNE_CONTEXT_H

#include "attune.h"
#include "memory.h"
#include "target.h"
#include "threads.h"

struct attune_context {
    attune::Target target;
    char *kernel;  // only kernels whose name contains this; NULL: all
    void (*log)(void *user, const char *line);
    void *log_user;
    attune::Threads threads;
    attune::Scratch scratch;
};

#endif
