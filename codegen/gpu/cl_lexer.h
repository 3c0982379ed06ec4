// Tokens of the OpenCL source that Halide makes.
#pragma once

#include <string>
#include <vector>

namespace attune {

struct ClToken {
    enum Kind { Name, Number, Symbol, Directive } kind;  // a directive is a whole line
    std::string text;
};

// Without comments and white space.
std::vector<ClToken> cl_tokens(const std::string &source);

// The shortest text with these tokens; a directive has a line.
std::string cl_text(const ClToken *begin, const ClToken *end);

// Appends, with a space where the last token of the text and the first one would become one.
void cl_append(std::string &text, const std::string &next);

}  // namespace attune
