#pragma once

#include <string>

namespace attune {

// Makes the variant known to Halide's own generator registry.
void register_halide_generator(const std::string &variant);

}  // namespace attune
