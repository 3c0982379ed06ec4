// A pattern as a picture: rows of the result downwards, tokens to the right. A cell is the darker,
// the greater its share of the row's largest influence, in powers of two; white: there is none.
#ifndef ATTUNE_CLI_PATTERN_SVG_H
#define ATTUNE_CLI_PATTERN_SVG_H

#include "pattern.h"

namespace tool {

// name and subtitle: the two lines above the picture.
std::string pattern_svg(const Pattern &pattern, const std::string &name,
                        const std::string &subtitle);

}  // namespace tool
#endif
