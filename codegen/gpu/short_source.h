// The OpenCL source in an object is what an unrolled kernel is large by.
#pragma once

#include "Halide.h"

namespace attune {

// The module with its OpenCL source shortened; a module without one as it is.
Halide::Module with_short_source(const Halide::Module &module);

}  // namespace attune
