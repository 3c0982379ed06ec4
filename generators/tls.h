// What the variants of Transformer-LS share: rows of K and V after their LayerNorms, landmarks that
// are means of all tokens, the global token's second pass.
//
// A LayerNorm is over the columns of all heads, while a head reads only its own: mean and deviation
// of a row are made before the softmax, and a block of queries normalises the rows that it reads,
// in its own scratch. Landmarks, which are few, are normalised once.
#pragma once

#include "row_norm.h"

namespace attune {

// Rows of two inputs, "B rows H D".
Rows both(const Build &x, const std::string &keys, const std::string &values);

// An input of one element for each column of all heads.
Rows columns(const Build &x, const std::string &input);

// Of rows before `split` the first, of the others the second, from row 0 again.
Rows joined(const Rows &first, Expr split, const Rows &second);

// The same rows, made once, as a tensor that goes to `before`; one more row of zeros.
Rows laid_out(const Build &x, const std::string &name, const Rows &rows, Expr count,
              std::vector<Func> &before);

// The same rows, of which a key is one of the first `count`.
Rows within(const Rows &rows, Expr count);

// Makes the keys of a source rows of head Dims::h in batch element Dims::b.
void read(Source &s, const Build &x, const Rows &rows);

// All of `count` rows, as they are laid out.
Source far(const Build &x, const Rows &rows, Expr count);

// Weights of a softmax for each row m and head, by term, and their sum. They go to `before`.
struct Weights {
    Func weight, total;
};
// least: the maximum of no logits.
Weights weights(const Build &x, const std::string &name, const Halide::RDom &terms, float least,
                const std::function<Expr(Expr term, Var m)> &logit, std::vector<Func> &before);

// Which rows of a batch element there are; empty: all.
using Kept = std::function<Expr(Expr batch, Expr row)>;

// Means of `count` rows with weights softmax(s) over those that are kept: a stage, and what goes to
// `before`.
Rows means(Build &x, const Rows &rows, Expr count, const Kept &kept, std::vector<Func> &before);

// The token that attends to itself and to the results of the other tokens.
struct Global {
    std::function<Expr(Expr d)> query, key, value;  // of head Dims::h, unscaled
    Kept kept;                                      // results that it sees
    Expr given;                                     // 1: there is one, before the other rows
    Expr others;                                    // how many
};
Direct with_global(Build &x, const std::function<Attention()> &others, const Global &global);

}  // namespace attune
