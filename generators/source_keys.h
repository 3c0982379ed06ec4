// The keys of one source as a block of queries sees them: which they are, the loops over them, and
// how their rows are read or made for a chunk.
#pragma once

#include "blocked_softmax.h"

namespace attune {

class SourceKeys {
public:
    // rows: of queries.
    SourceKeys(Softmax &x, const Source &source, Expr rows);

protected:
    Softmax &x;
    const Dims &v;
    const Blocking &t;
    const Expr rows;
    const bool whole;  // all loops of a chunk have constant bounds
    SourceFuncs p;
    Expr first, last;  // of the block's keys

    void make_keys();

    std::vector<Expr> at(std::vector<Expr> index) const;  // arguments of the Funcs of a chunk
    Expr key(Expr k) const;                               // of the chunk's k-th
    // Past the end the last key again, so memory behind the keys is never read.
    Expr staged(Expr k) const;
    Expr inside(Expr k) const;  // the same as a place in the chunk
    Key located(Expr k, Expr index) const;
    // 0, made of the prefetches of a group of keys: Halide drops a Func that no Expr reads.
    Expr asked() const;

private:
    void range();
    void domains();
    void place();
    void bring_together();
    void stage_rows();
    void stage_pairs();
    void stage_tiles();
    void ahead();
};

}  // namespace attune
