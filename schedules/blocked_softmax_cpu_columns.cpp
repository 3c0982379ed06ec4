// For few queries: columns of a head on the vector lanes, keys in memory order. A chunk's K is
// streamed first, then its softmax, then its V: two streams one after the other. Accumulators of
// scores and of the second product are in registers; nothing of K or V is copied. With each head's
// keys in one piece this reads as fast as a loop that only reads (record "decode"). Slower: keys of
// all heads in turn (b,l,h,d: 0.4 to 0.6), because each row is on a page of its own; heads that
// share keys (groups of 8: 0.3), because each reads them again.
#include "blocked_softmax_cpu.h"

namespace attune {

using Halide::LoopLevel;
using Halide::MemoryType;
using Halide::RVar;
using Halide::TailStrategy;

namespace {

class ColumnsSchedule {
public:
    ColumnsSchedule(Softmax &x, int lanes)
        : x(x),
          v(x.v),
          t(x.blocking),
          lanes(lanes),
          block(x.result, x.over_blocks),
          fixed(Halide::Internal::is_const(x.head) && Halide::Internal::is_const(x.value_head)) {}

    void apply() {
        for (Func f : {x.query, x.norm, x.out, x.lse, x.state}) local(f, block);
        columns(x.query, v.d, x.head);
        columns(x.out, v.d, x.value_head);
        columns(x.state, v.g, x.owners);
        for (SourceFuncs &p : x.sources) source(p);
    }

private:
    Softmax &x;
    const Dims &v;
    const Blocking &t;
    const int lanes;
    const LoopLevel block;
    const bool fixed;  // head sizes are constants

    void local(Func f, LoopLevel at) {
        f.compute_at(at).store_in(MemoryType::Stack);
        f.bound_extent(v.qi, t.query_tile).bound_extent(v.qb, 1);
    }

    // Columns next to each other and on the lanes.
    void columns(Func f, const Var &column, const Expr &size) {
        f.reorder_storage(column, v.qi).reorder(column, v.qi);
        f.vectorize(column, lanes, TailStrategy::GuardWithIf);
        if (fixed) f.bound(column, 0, size).unroll(column);
    }

    void source(SourceFuncs &p) {
        auto update = x.state.update(p.update).reorder(v.g, v.qi, p.over_chunks);
        update.vectorize(v.g, lanes, TailStrategy::GuardWithIf);
        if (fixed) update.unroll(v.g);
        p.range.compute_at(block).store_in(MemoryType::Stack).bound_extent(v.qb, 1);
        if (p.rows.defined()) local(p.rows, block);
        LoopLevel chunk(x.state, p.over_chunks);
        schedule_place(p, chunk, lanes);
        for (Func f : {p.score, p.maximum, p.probability, p.sum, p.weighted}) local(f, chunk);
        scores(p);
        softmax(p);
        columns(p.weighted, v.d, x.value_head);
        auto product = p.weighted.update().reorder(v.d, v.qi, p.over_keys);
        product.vectorize(v.d, lanes, TailStrategy::GuardWithIf);
        if (fixed) product.unroll(v.d);
    }

    // Partial sums of a key in one vector, then their sum.
    void scores(SourceFuncs &p) {
        RVar step("step"), lane("lane");
        Var l("l");
        local(p.dot, LoopLevel(p.score, p.over_groups.y));
        p.dot.reorder_storage(v.k, v.qi).vectorize(v.k);
        p.dot.update().split(p.over_d, step, lane, lanes, TailStrategy::GuardWithIf);
        Func partial = p.dot.update().rfactor(lane, l);
        local(partial, LoopLevel(p.dot, v.k));
        partial.vectorize(l).update().reorder(l, step).vectorize(l);
        if (fixed) partial.update().unroll(step);
        p.dot.update().reorder(lane, v.qi, v.k).atomic().vectorize(lane);
    }

    void softmax(SourceFuncs &p) {
        for (Func f : {p.score, p.probability}) {
            f.reorder_storage(v.k, v.qi).bound_storage(v.k, t.key_chunk);
            auto update = f.update().reorder(p.over_groups.x, v.qi, p.over_groups.y);
            update.allow_race_conditions().vectorize(p.over_groups.x);  // a key each
        }
        auto top = p.maximum.update().reorder(p.over_groups.x, v.qi, p.over_groups.y);
        top.atomic().vectorize(p.over_groups.x);
        // In order of keys, as the product adds, so that rows of V = 1 sum to 1 for any length. Not
        // unrolled: LLVM would make a tree of it.
        p.sum.update().reorder(p.over_groups.x, v.qi, p.over_groups.y);
    }
};

}  // namespace

void schedule_columns(Softmax &x, int lanes) { ColumnsSchedule(x, lanes).apply(); }

}  // namespace attune
