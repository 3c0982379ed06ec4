// What a block of queries makes of its rows, for one of its register tiles.
#pragma once

#include "blocked_softmax.h"

namespace attune {

// e, which has a block's rows from Build::block_first() and block_last(), for rows of tile
// Dims::qt, the first of them at most rows - 1. Undefined if e depends on the block in another way.
Expr of_tile(const Expr &e, const Dims &v, const Blocking &blocking, const Expr &rows);

}  // namespace attune
