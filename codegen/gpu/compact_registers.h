// Halide keeps a Func that is stored at block level in MemoryType::Register as one whole tile in
// every thread: 36 kB of stack. Where all accesses of a thread differ from one base by constants,
// only these few elements are alive in it; this lowering pass renames them densely, and the tile
// becomes registers. So a thread may own every eighth key, which compute_at at thread level cannot
// say.
#pragma once

#include "Halide.h"

namespace attune {

// For Func::add_custom_lowering_pass, which owns it. The pass throws std::runtime_error for a tile
// whose accesses it cannot prove to be such.
Halide::Internal::IRMutator *make_compact_registers();

}  // namespace attune
