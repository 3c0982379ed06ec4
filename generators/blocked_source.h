// One source of keys inside blocked_softmax: from its declaration to the update of the state.
#pragma once

#include "blocked_softmax.h"

namespace attune {

// Makes the Funcs of one source and the update of the state that merges its chunks. rows: of
// queries. begins: see SourceFuncs.
SourceFuncs blocked_source(Softmax &x, const Source &source, Expr rows, bool begins);

}  // namespace attune
