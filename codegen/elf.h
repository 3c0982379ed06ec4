// Names of Halide's runtime in ELF objects.
#pragma once

#include <string>

namespace attune {

// Renames each symbol halide_X of a 64-bit little-endian ELF object to attune_X, in place. Kernels
// then call the copy of Halide's runtime inside libattune, whatever else the process contains. The
// two prefixes have the same length, so no table moves. Throws std::runtime_error.
void rename_runtime_symbols(const std::string &path);

}  // namespace attune
