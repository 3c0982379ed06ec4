// A where() with a load in it (the length of a sequence) does not become the bound of the loop over
// chunks: Halide guards every stage of a chunk by itself, and the register tiles around the guards
// spill (1.2 kB a thread). This lowering pass makes it one guard around the whole chunk (no spills).
// It runs before compact_registers.
#pragma once

#include "Halide.h"

namespace attune {

// loop: part of the names of the loops over chunks. For Func::add_custom_lowering_pass, which owns
// the pass.
Halide::Internal::IRMutator *make_chunk_guard(const std::string &loop);

}  // namespace attune
