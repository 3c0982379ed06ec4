// Statements of a kernel of Halide's OpenCL source.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "cl_expression.h"

namespace attune {

struct ClStatement {
    enum Kind { Declare, Store, Call, Array, For, If, Else, Open, Close } kind;
    ClVariable *variable = nullptr;
    ClNode target, value;  // of a For: first and last value
    std::string text;
    int depth = 0;  // loops around it
};

struct ClKernel {
    std::string parameters;
    std::deque<ClVariable> variables;
    std::vector<ClStatement> statements;
};

// From the parameters' opening bracket to the closing one of the body. Names are resolved, and of
// equal values only the first is declared. Throws ClUnknown.
ClKernel read_cl_kernel(const ClToken *begin, const ClToken *end);

// Drops what is not used, and puts values of one use where they are used.
void inline_cl_values(std::vector<ClStatement> &statements);

// What follows the body's opening bracket. The name of a variable is its id between '$'.
std::string cl_text(const std::vector<ClStatement> &statements);

}  // namespace attune
