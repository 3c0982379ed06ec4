// The OpenCL source that Halide makes, shorter: an object is as large as its source. What is not
// known in a kernel leaves it as it is, without white space and comments. A product and a sum in one
// expression may be fused (FP_CONTRACT), which they are not as two statements.
#pragma once

#include <string>

namespace attune {

// Its first line, by which OpenCL runtimes of Halide know it, stays.
std::string short_opencl(const std::string &source);

}  // namespace attune
