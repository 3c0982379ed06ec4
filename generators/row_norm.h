// LayerNorm over rows of all heads' columns (Ba et al., arXiv 1607.06450), population variance.
#pragma once

#include "variant.h"

namespace attune {

// An element of K (part 0) or of V (part 1).
struct Element {
    Expr d, part, head, row, batch;
};
using Rows = std::function<Expr(const Element &)>;

// Of rows 0 .. count - 1.
RowNorm row_norm(const Build &x, const std::string &name, Expr count, const Rows &rows);

// (element - mean) / sqrt(variance + 1e-5) * gain + bias, gain and bias by column of all heads.
Rows normed(const RowNorm &n, const Rows &rows, const Rows &gain, const Rows &bias);

}  // namespace attune
