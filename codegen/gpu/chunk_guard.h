// Where the end of the keys is loaded (the length of a sequence), the where() of the loop over
// chunks does not become its bound: Halide visits all chunks, computes every stage of a chunk, past
// the end too, and guards the update of the state alone, or some stages by themselves, so that
// register tiles live across the guards and spill (1.2 kB a thread). This lowering pass puts one
// guard around the whole chunk: no work, no loads past the end, no spills. It runs before
// compact_registers.
#pragma once

#include <string>

#include "Halide.h"

namespace attune {

// loop: part of the names of the loops over chunks; state: name of the Func they update. For
// Func::add_custom_lowering_pass, which owns the pass. It throws std::runtime_error where a guard
// differs between threads.
Halide::Internal::IRMutator *make_chunk_guard(const std::string &loop, const std::string &state);

}  // namespace attune
