// Names of variables, the shortest for the most frequent one.
#pragma once

#include <string>
#include <vector>

#include "cl_lexer.h"

namespace attune {

// Replaces every `$N$` by a name that no token in `avoid` has. S to Z are left for macros.
std::string with_short_names(const std::string &text, const std::vector<ClToken> &avoid);

}  // namespace attune
