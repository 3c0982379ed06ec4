// The OpenCL source in an object is what an unrolled kernel is large by. Without its indentation,
// and with one letter for the block's shared memory, it is half as long (dense, D 64: 1073 kB to
// 552 kB).
#pragma once

#include "Halide.h"

namespace attune {

// The module with its OpenCL source shortened; a module without one as it is.
Halide::Module with_short_source(const Halide::Module &module);

}  // namespace attune
