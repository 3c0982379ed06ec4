// The one algorithm of blocked-softmax attention, for CPU and GPU schedules alike.
//
// A block of queries visits the chunks of its key sources. Inside a chunk: scores, their maximum,
// exponentials, their sum, the product with V. Across chunks and sources: one Tuple state
// {m, l, acc[columns]} with one associative update a source (FlashAttention's online softmax,
// arXiv 2205.14135, with the chunk's own maximum first). No schedule here.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "transposed.h"
#include "variant.h"

namespace attune {

// What a class of machines needs to know while the Funcs are made; the algorithm is the same for
// all values.
struct Blocking {
    int query_tile;   // query rows of a block
    int tile_rows;    // CPU: rows whose scores and products are made together; they divide
                      // query_tile. A block's tiles share what a chunk of K and V is made into
    int key_chunk;    // keys of a chunk
    int key_step;     // divides key_chunk. Groups of keys that are not visited past the end; when
                      // it equals key_chunk all loops of a chunk have constant bounds and keys past
                      // the end are masked instead (GPU)
    int unroll;       // CPU: steps of d in an iteration of the loop over scores; 0: one
    int columns;      // columns of V that one state element accumulates
    int run;          // how many of them are neighbours
    int row_threads;  // row i of a block belongs to thread row i % row_threads (CPU: 1)
    bool owned;       // GPU: a state element is private to its thread, so the log-sum-exp is read
                      // by each column's owner, and what lives across the chunk loop is read once
                      // more after it: Halide 21 frees shared memory after its last use in program
                      // order, back edges of loops ignored
    int value_step;   // columns on the lanes, tiles of rows: keys whose products with V are added
                      // to all rows and columns before those of the next; 0: one row a block
    int element_bytes;  // CPU: of K and V as they are stored
    int ahead;          // CPU: rows of keys that are asked for before they are loaded
    int next_block;     // CPU, rows on the lanes: from 1 a block asks for the next one's Q and for
                        // where its results go, from 2 for keys behind its own (Source::beyond)
    bool together;      // CPU: keys that lie (far) apart are copied (Source::apart, strided)
    bool whole_groups;  // keys past the end are masked up to the next key_step, so that the softmax
                        // of a chunk is over vectors of keys
    bool widen;         // 16-bit storage on a CPU: K and V of a chunk as f32, made once
    bool pairs;         // bf16 products (math/bf16.h): pairs of d of Q and K make scores, pairs of
                        // keys of P and V the second product; key_step is even
    bool tiles;         // bf16 products of tiles (x86's tdpbf16ps), 16 x 16 by 32 terms, where they
                        // divide the head size; key_step and columns are 16 then. Implies pairs
    int transposed;     // CPU: a power of two. Q and o are transposed in blocks of as many rows and
                        // columns where it divides the head size. 0: element by element
    int padded_head;    // GPU: head size that tiles are made for, > 0; columns past D count as 0.
                        // CPU: 0, D itself, a constant or not
    std::function<Expr(Expr)> exp2;  // 2^x for x <= 0
    bool exp2_flushes = false;  // exp2 of anything far below gives 0: no select for masked keys
    // CPU: columns of a head on the lanes, for one query. Of its two kernels, with rows of other
    // heads or without, a head has the same bits, so the compiler is left no choice in roundings.
    bool by_columns() const { return whole_groups || value_step; }
    // A row's maximum is of whole groups of keys: past the end scores repeat the last key's, or are
    // masked.
    bool maximum_of_groups() const {
        return whole_groups || (key_step != key_chunk && !value_step && !tiles);
    }
};

// sum(query, row) of left(term, row) * right(term % 2, query, term / 2), in tile registers.
struct TileProduct {
    Func sum;
    Halide::RDom over;
};

// The Funcs of one source.
struct SourceFuncs {
    Source source;
    Halide::RDom over_d, over_chunks, over_groups, over_keys;
    Halide::RDom over_terms;  // of the second product: keys, or pairs of them
    Halide::RDom over_steps, over_rest;  // or whole steps of Blocking::value_step, what is left
    Func step_value;                     // value of a whole step
    Var tiles;                // of a block's rows (CPU)
    Var keys;                 // tiles of a group's keys (CPU, columns on the lanes)
    Func range;               // first and last key of a block (CPU)
    Func tile_range;          // the same of each of its tiles; undefined: as the block's
    Func rows;                // integers of a query row
    Func place;               // integers of a key (CPU)
    Func keys_together, values_together;  // of keys that lie apart, all of them
    Func key, value;          // rows of a chunk: inlined (CPU: read in place) or staged
    Func ahead;  // loads that a lowering pass makes prefetches, by line of a row and row
    Halide::RDom over_ahead;  // rows that a group of keys asks for
    Func dot;                 // scores of a group of keys, products or given ones
    Func relative_dot;        // of a group of rows of Relative's table (CPU)
    Func relative;            // of all rows that a block needs
    Var places;               // groups of these rows
    Func addend;              // of a group of keys (CPU)
    Transposed addend_blocks;
    Func score;               // of a chunk, modified and masked
    Func maximum;             // of a row of the chunk
    Func probability;         // exp of score - maximum, of a term
    Func sum;                 // of a row of the chunk
    Func weighted;            // probabilities times V
    // Blocking::tiles: what dot and weighted are copied from, the right side of the second product,
    // how `value` is made.
    TileProduct dot_tiles, weighted_tiles;
    Func probability_halves;
    Transposed value_blocks;
    Func state;
    int update;   // of the state
    bool begins;  // a row's first chunk of keys is of this source, if it sees any of its keys
};

// Where the result gets other columns.
struct BesideFuncs {
    Beside beside;
    Halide::RDom over;  // columns of a group, groups
    int update;         // of the result
};

// What a softmax over sources ends with.
struct Ending {
    Func state, norm, out, lse;
    Transposed out_blocks;  // how `out` is transposed where not element by element
};

struct Softmax : Ending {  // over all sources
    Ending part;           // over the first of them: Attention::part
    Dims v;
    Blocking blocking;
    Expr head, value_head;  // D and Dv of the loops: padded on a GPU
    Expr head_terms;        // of a dot product: D, or pairs of it
    bool natural = false;   // scores are as the variant changed them; else times log2(e)
    Expr scale;             // of scores that is not in Q already; undefined: none
    Expr owners;            // of columns
    // Of the update of the result: rows of a thread, threads, blocks, heads, batch elements.
    Halide::RVar over_rows, over_threads, over_blocks, over_heads, over_batches;
    Halide::VarOrRVar column{v.d}, head_loop{v.h};  // of the result, as the loops over them
    Func query{"query"};
    Func query_halves{"query_halves"};  // Blocking::tiles: the right side of scores
    Func start{"start"};  // an earlier result, if the softmax continues one
    Transposed query_blocks, start_blocks;
    // {o, lse} or o: dimensions d and those of Queries::place, reversed. A stage has o, its part's
    // and the log-sum-exp as columns of one tensor.
    Func result{"result"};
    Expr lse_column, columns;  // of a stage: where they begin; all of them
    std::vector<SourceFuncs> sources;
    std::vector<BesideFuncs> beside;
    // Rows of Relative's table at once; no product of tiles.
    int relative_step() const { return blocking.tiles ? 4 : blocking.key_step; }
};

// Adds the columns to x.result.
void store_beside(Softmax &x, const Build &build, const Beside &beside);

// with_lse: the log-sum-exp of the scores too; of a stage with a part, the part's.
Softmax blocked_softmax(const Build &x, const Attention &attention, const Blocking &blocking,
                        bool with_lse);

// ---- What the parts of blocked_softmax share ----------------------------------------------------

constexpr float kSeen = -1e29f;  // anything above is a score
constexpr float kLn2 = 0.693147181f;

// Integer i of a query row (Source::row).
Expr row_integer(const Softmax &x, const SourceFuncs &p, size_t i, Expr qi);

// Of V, what element 2 + j of the state's owner g accumulates.
Expr column(const Softmax &x, int j);

bool divides(int divisor, Expr e);

// e to the power of a difference of scores.
Expr power(const Softmax &x, Expr difference);

}  // namespace attune
