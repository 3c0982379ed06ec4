// What the variants of Transformer-LS share: rows of K and V after their LayerNorms, landmarks that
// are means of all tokens, the global token's second pass.
//
// A LayerNorm is over the columns of all heads, while a head reads only its own, and many blocks
// of queries read each row: rows are normalised once and laid out by heads.
#pragma once

#include "row_norm.h"

namespace attune {

// The value that the condition chooses; the other is not evaluated.
Expr either(Expr condition, Expr chosen, Expr other);

// Rows of two inputs, "B rows H D".
Rows both(const Build &x, const std::string &keys, const std::string &values);

// An input of one element for each column of all heads.
Rows columns(const Build &x, const std::string &input);

// Of rows before `split` the first, of the others the second, from row 0 again.
Rows joined(const Rows &first, Expr split, const Rows &second);

// The rows as a tensor of (d, row, head, batch) in the storage type; goes to `before`.
Func laid_out(const Build &x, const std::string &name, const Rows &rows, Expr count);

// Column of K, or of V, in head Dims::h of a row of such a tensor.
Expr key_of(const Build &x, const Func &rows, Expr d, Expr row, Expr batch);
Expr value_of(const Build &x, const Func &rows, Expr d, Expr row, Expr batch);

// Means of `count` rows with weights softmax(s) over those that are kept (empty: all): a stage.
Rows means(Build &x, const Rows &rows, Expr count, const std::function<Expr(Expr row)> &kept);

// The token that attends to itself and to the results of the other tokens.
struct Global {
    std::function<Expr(Expr d)> query, key, value;  // of head Dims::h, unscaled
    std::function<Expr(Expr row)> kept;             // results that it sees; empty: all
    Expr given;                                     // 1: there is one, before the other rows
    Expr others;                                    // how many
};
Direct with_global(Build &x, const Attention &others, const Global &global);

}  // namespace attune
