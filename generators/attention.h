// The algorithm of a variant: a softmax over key sources, and what goes before and beside it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "Halide.h"

namespace attune {

using Halide::cast;
using Halide::Expr;
using Halide::Func;
using Halide::Var;

// The value that the condition, no vector, chooses; the other is not evaluated.
Expr either(Expr condition, Expr chosen, Expr other);

constexpr float kNone = -1e30f;  // the maximum of no scores

struct Queries {
    Expr count;           // rows 0 .. count-1 of every head and batch element: extents only
    Expr stored;          // how many of them a batch element has; undefined: count
    Expr heads, batches;  // undefined: those of the first output, "batch rows heads columns"
    Expr scale;
    std::function<Expr(Expr d, Expr row)> load;
    // Column of the result that holds column d of head v.h; empty: d.
    std::function<Expr(Expr d)> column;
    // Indices of a row's result, outermost first, without the column; empty: {b, row, h}.
    std::function<std::vector<Expr>(Expr row)> place;
    std::function<Expr(Expr row)> valid;     // rows for which it is false give 0; empty: all count
    std::function<Expr(Expr row)> position;  // on the key axis, for score and admit; empty: row
    std::function<Expr(Expr row)> head;      // that the row belongs to; empty: v.h
    std::function<Expr(Expr row)> sink;  // logit of one more key, which has no value; empty: none
    // An earlier softmax of the same rows over other keys, which this one continues: its result and
    // its log-sum-exp, -inf with zeros where it saw no key. Empty: none.
    std::function<Expr(Expr d, Expr row)> initial;
    std::function<Expr(Expr row)> initial_lse;
    bool stage = false;  // the result is f32 in any case: set by Build::stage
};

// A key of a source: its index and what Source::locate makes of it.
struct Key {
    Expr index;
    std::vector<Expr> at;
    Key(Expr index, std::vector<Expr> at = {}) : index(std::move(index)), at(std::move(at)) {}
    operator Expr() const { return index; }
};

// A term of the score that depends on the query row and on where the key is from there: the scaled
// product of the row and a row of a table, and what the table's row adds of its own. It is made
// once a block of queries, on CPUs.
struct Relative {
    Expr first, last;  // rows [first, last) of the table that the block may name, not none
    int margin = 0;    // so many at both ends are named for pairs only that no row admits
    std::function<Expr(Expr d, Expr t)> load = {};
    std::function<Expr(Expr t)> more = {};
    // The table's row of an admitted pair; r: Source::row.
    std::function<Expr(const std::vector<Expr> &r, Expr row, const Key &key)> index = {};
    // Where an index would be a vector of any numbers, which costs a load for each element:
    // Keys, not of `index` then, whose row of the table falls by one from a query to the next, and
    // that of a block's first query. All of them lie in [first, last).
    std::function<Expr(const Key &key)> falls = {}, falls_from = {};
    // Whether `index` is the same for so many rows, from a multiple of that on.
    std::function<Expr(int rows)> alike = {};
};

// Where a block of queries finds keys. Expressions may use the block, head and batch of Build.
struct Source {
    std::string name;  // unique among the sources of a variant, and no prefix of another
    Expr first, last;  // keys [first, last) of the block
    Expr max_keys;     // upper bound of last - first over all blocks: extents and attributes only
    std::function<Expr(Expr d, const Key &key)> key, value;  // no key if scores are given
    // A term of the scaled dot product, from the elements of the scaled query and of the key;
    // empty: their product. Not of bf16 pairs, nor on a GPU.
    std::function<Expr(Expr query, Expr element, Expr d, const Key &key)> product = {};
    // Integers of a key that cost a load or a division: made once a chunk, passed in Key::at.
    std::vector<std::function<Expr(Expr key)>> locate = {};
    // Integers of a query row that cost a load or a division: made once a block, passed to admit.
    std::vector<std::function<Expr(Expr row)>> row = {};
    // Whether a row sees a key of [first, last); empty: it does.
    std::function<Expr(const std::vector<Expr> &r, Expr row, const Key &key)> admit = {};
    // The score of an admitted pair, from the scaled dot product; empty: as it is. -infinity
    // excludes the pair.
    std::function<Expr(Expr score, Expr row, const Key &key)> score = {};
    Relative relative = {};
    // Added to the score last; -infinity excludes the pair. A load whose keys are neighbours, of
    // rows that need not be: on CPUs, where rows are on the lanes, it is transposed by blocks.
    std::function<Expr(Expr row, Expr key)> addend = {};
    // The score itself in place of a scaled dot product, on CPUs: a load whose rows are neighbours.
    std::function<Expr(Expr row, const Key &key)> given = {};
    bool computed = false;  // key and value are more than a load: a CPU makes them once a chunk
    bool strided = false;   // or copies them once a chunk, if their rows lie far apart
    // How many keys there are, if the next block sees some behind `last`: a CPU asks for them
    // before. Undefined: it sees none, or integers of Key::at say where they are.
    Expr beyond = {};
    // How many keys a head of a batch element has, if their rows lie apart in memory and several
    // blocks see them: a CPU brings the rows together once for all of its blocks.
    Expr apart = {};
    // [first, last) is what the rows block_first() to block_last() see, whichever these are, and a
    // key is the same in all blocks: a CPU makes the range for some of a block's rows as well.
    // first and last are as Build made them, not simplified.
    bool by_rows = false;
};

// LayerNorm's statistics of rows that span all heads, of K and of V.
struct RowNorm {
    Expr count;  // of rows
    Func norm;   // {mean, 1 / sqrt(variance + eps)}, by row, part (0: K, 1: V) and batch
    Func columns, total, squares, spread;  // made once a row: sums over heads, then over columns
};

// What is no softmax over keys: a Func whose dimensions are those of the first output, innermost
// first, and those that it reads, made once a row: they have all of its dimensions (columns), or
// all but the first (rows). before: as of Attention.
struct Direct {
    Func result;
    std::vector<Func> rows, columns, before = {};
};

// Columns of the first output that no query writes: weighted sums of their own, in groups. value
// has the dimensions (c, group, those of the output but its columns, innermost first), and so have
// most Funcs that it is made of; terms and weights have a term of the sum in place of c, rows
// neither.
struct Beside {
    Func value;
    Expr columns, groups;                            // of a group; in all
    std::function<Expr(Expr c, Expr group)> column;  // of the output
    Func sum;                                        // value's accumulators
    std::vector<Func> addends;                       // what each update of sum loads
    Func terms;                                      // what weights are made of, as it is loaded
    std::vector<Func> weights, rows;
};

struct Attention {
    Queries queries;
    std::vector<Source> sources;
    int part = 0;  // stages: the softmax over so many sources, the first, is a result as well
    std::vector<Func> before;  // Funcs computed as whole tensors first (summaries, projections)
    // Likewise of one head of one batch element (v.h, v.b of the queries): on a CPU made before its
    // blocks and dropped after them.
    std::vector<Func> before_line = {};
    std::vector<Beside> beside = {};
    std::vector<RowNorm> norms;
    Expr head;        // columns that a dot product sums; undefined: D
    Expr value_head;  // columns of a value; undefined: Dv, or D where there is no Dv
    // No head reads another's before or stage: a CPU makes them head by head, so that they stay in
    // its caches.
    bool by_head = false;
};

}  // namespace attune
