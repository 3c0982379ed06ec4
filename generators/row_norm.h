// LayerNorm over rows of all heads' columns (Ba et al., arXiv 1607.06450), population variance.
#pragma once

#include "variant.h"

namespace attune {

// Element of K in heads 0 .. H - 1, of V in the H heads after them; batch element Dims::b.
using Rows = std::function<Expr(Expr d, Expr head, Expr row)>;

// Of rows 0 .. count - 1.
RowNorm row_norm(const Build &x, const std::string &name, Expr count, const Rows &load);

// (element - mean) / sqrt(variance + 1e-5) * gain + bias, gain and bias by column of all heads.
Rows normed(const Build &x, const RowNorm &n, const Rows &load, const Rows &gain, const Rows &bias);

}  // namespace attune
