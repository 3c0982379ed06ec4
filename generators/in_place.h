// Which keys are read as they lie in memory.
#pragma once

#include "blocked_softmax.h"

namespace attune {

// A source as it is, or as two of which one sees no key, where that is known at run time only: keys
// read in place, and keys copied first, all of a line (Source::apart) or those of a chunk
// (Source::strided). rows: of queries.
std::vector<Source> in_place_or_copied(const Source &s, const Blocking &t, Expr rows);

}  // namespace attune
