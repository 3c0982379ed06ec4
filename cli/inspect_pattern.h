// attune inspect --pattern: a picture of what the rows of a result see.
#ifndef ATTUNE_CLI_INSPECT_PATTERN_H
#define ATTUNE_CLI_INSPECT_PATTERN_H

#include "context.h"
#include "shape.h"

#include <string>

namespace tool {

// Writes `file` and prints one line, or the influences as JSON. of: as of find_pattern.
void inspect_pattern(const Context &context, const attune_pack *pack, const Shape &shape,
                     const std::string &of, const std::string &file, bool as_json);

}  // namespace tool
#endif
