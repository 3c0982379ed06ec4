// A kernel of Halide's OpenCL source: one statement an operation, each with a name of its own.
#pragma once

#include <string>

#include "cl_lexer.h"

namespace attune {

// From the parameters' opening bracket to the closing one of the body, shorter: equal values have
// one name, values of one use none, and names have one or two letters, none of them in `avoid`.
// Throws ClUnknown.
std::string short_cl_kernel(const ClToken *begin, const ClToken *end,
                            const std::vector<ClToken> &avoid);

}  // namespace attune
