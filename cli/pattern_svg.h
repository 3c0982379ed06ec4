// A pattern as a picture: rows of the result downwards, tokens to the right, the darker the more
// influence, white where there is none.
#ifndef ATTUNE_CLI_PATTERN_SVG_H
#define ATTUNE_CLI_PATTERN_SVG_H

#include "pattern.h"

namespace tool {

// name and subtitle: the two lines above the picture.
std::string pattern_svg(const Pattern &pattern, const std::string &name,
                        const std::string &subtitle);

}  // namespace tool
#endif
