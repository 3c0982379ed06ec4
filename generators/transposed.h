// A matrix read the other way round, by shuffles of whole vectors instead of element by element.
//
// A W x W block, flattened, is transposed by log2(W) perfect shuffles: element 2 w + e of a step is
// element e W W / 2 + w of the step before, an interleave of vectors.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "variant.h"

namespace attune {

struct Transposed {
    int width = 0;            // W; 0: there is none
    std::vector<Func> steps;  // of (element, block of columns, block of rows, rest ...)

    // Element (column, row) of the given matrix, columns as neighbours: rows are on the lanes.
    Expr at(Expr column, Expr row, const std::vector<Expr> &rest) const;
};

// Of element(column, row); `width` is a power of two and divides both numbers of them. rest: what
// else the matrix depends on.
Transposed transposed(const std::string &name, int width, const std::vector<Var> &rest,
                      const std::function<Expr(Expr column, Expr row)> &element);

}  // namespace attune
