#ifndef ATTUNE_TARGET_H
#define ATTUNE_TARGET_H

#include "attune.h"

namespace attune {

/* What a kernel needs, ordered within a family: a machine of level n runs levels 0..n. */
struct Target {
    enum Family { X86, ARM, OPENCL, CUDA };
    Family family;
    int level;
};

/* Of a target's name ("avx2") or a full Halide target string. */
bool parse_target(const char *name, Target *target);

/* The best CPU target of this machine. */
Target host_target();

/* Whether the operating system lets this process run kernels of a target that the machine has:
   Linux lends the registers of avx512_amx to processes that ask, and this asks. */
bool granted(Target target);

const char *target_name(Target target);

/* attune_device of kernels for this target. */
int target_device(Target target);

}  // namespace attune
#endif
