// LayerNorm over rows of all heads' columns (Ba et al., arXiv 1607.06450), population variance.
#pragma once

#include "variant.h"

namespace attune {

// load(d, h, row): column d of head h of row 0 .. rows - 1 of the batch element Dims::b.
RowNorm row_norm(const Build &x, const std::string &name, Expr rows,
                 const std::function<Expr(Expr d, Expr h, Expr row)> &load);

// (value - mean) / sqrt(variance + 1e-5) * gain + bias.
Expr normed(const Build &x, const RowNorm &n, Expr value, Expr row, Expr gain, Expr bias);

}  // namespace attune
