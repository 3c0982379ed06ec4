// One multiply-add loop and one read loop a vector width. See machine.h.
#ifndef ATTUNE_BENCH_LOOPS_H
#define ATTUNE_BENCH_LOOPS_H

#include "machine.h"

#include <cstddef>

namespace machine {

// Both functions return a value that depends on all of the work, so that it cannot be left out.
struct Loops {
    const char *name;
    double operations;  // floating-point operations of a round
    float (*fma)(long rounds);
    float (*read)(const float *data, size_t floats);
};

const Loops &loops(Vector vectors);

}  // namespace machine
#endif
