// For few queries: columns of a head on the vector lanes, keys in memory order. A chunk's K is
// streamed first, then its softmax, then its V: two streams one after the other. Accumulators of
// scores and of the second product are in registers; nothing of K or V is copied. With each head's
// keys in one piece this reads as fast as a loop that only reads (record "decode"). Slower: keys of
// all heads in turn (b,l,h,d: 0.55 to 0.65), because each row is on a page of its own.
//
// Heads that share keys are rows, in tiles (Blocking::value_step, record "group"). Each element of
// K and V is then used for all of them, so multiply-adds cost as much time as memory, and the two
// must overlap: rows are read in memory order, steps of V are copied before their products, and
// both are asked for some rows ahead (codegen/prefetch.h).
#include "blocked_softmax_cpu.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace attune {

using Halide::LoopLevel;
using Halide::MemoryType;
using Halide::RVar;
using Halide::TailStrategy;

namespace {

constexpr int kPair = 2;

// Of a pair LLVM interleaves the loads. The core's prefetchers follow rows of 512 bytes half as
// fast so as in memory order; from 256 bytes on rows are read one after the other, in a loop, and
// their sums across lanes are made together. Zen 4, 32 heads of 8192 keys, share of the reading
// loop: f32, D 128, AVX2 0.62 -> 0.95, AVX-512 0.95 -> 0.98 (4 keys 0.97, 16 0.94); rows of 256
// bytes the same within 0.02. Shorter rows are slower in a loop: f16, D 64, AVX-512 0.82 -> 0.70.
int keys_of_tile(const Softmax &x) {
    auto head = as_const_int(x.head);
    const bool wide = head && *head * x.blocking.element_bytes >= 256;
    return wide && !x.blocking.value_step ? 8 : kPair;
}

class ColumnsSchedule {
public:
    ColumnsSchedule(Softmax &x, int lanes)
        : x(x),
          v(x.v),
          t(x.blocking),
          lanes(lanes),
          read(x.blocking.value_step ? lanes : std::min(lanes, 32 / x.blocking.element_bytes)),
          block(x.result, x.over_blocks),
          fixed(Halide::Internal::is_const(x.head) && Halide::Internal::is_const(x.value_head)) {}

    void apply() {
        if (t.key_step % keys_of_tile(x) != 0)
            throw std::invalid_argument("schedule: key_step " + std::to_string(t.key_step) +
                                        " is no multiple of " + std::to_string(keys_of_tile(x)) +
                                        ", the keys of a tile");
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
    // Columns of K and V that are loaded at once where memory is what one query waits for: Zen 4
    // reads by 32 bytes 3 to 5 % faster than by 64, here as in the reading loop.
    const int read;
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

    // Rows in tiles; those past the last are not visited.
    void by_tiles(Halide::Stage s, const SourceFuncs &p) {
        s.split(v.qi, p.tiles, v.qi, t.tile_rows);
    }

    void source(SourceFuncs &p) {
        auto update = x.state.update(p.update);
        by_tiles(update, p);
        update.reorder(v.g, v.qi, p.tiles, p.over_chunks);
        update.vectorize(v.g, lanes, TailStrategy::GuardWithIf);
        if (fixed) update.unroll(v.g);
        p.range.compute_at(block).store_in(MemoryType::Stack).bound_extent(v.qb, 1);
        if (p.rows.defined()) local(p.rows, block);
        LoopLevel chunk(x.state, p.over_chunks);
        schedule_place(p, chunk, lanes);
        for (Func f : {p.score, p.maximum, p.probability, p.sum, p.weighted}) local(f, chunk);
        for (Func f : {p.score, p.probability}) f.bound_storage(v.k, t.key_chunk);
        columns(p.weighted, v.d, x.value_head);
        scores(p);
        if (t.value_step) {
            softmax_of_tiles(p);
            products_of_tiles(p);
        } else {
            softmax(p);
            auto product = p.weighted.update().reorder(v.d, v.qi, p.over_keys);
            product.vectorize(v.d, read, TailStrategy::GuardWithIf);
            if (fixed) product.unroll(v.d);
        }
    }

    // A tile of rows by two vectors of columns is in registers for a step of keys.
    void products_of_tiles(SourceFuncs &p) {
        for (int i = 0; i < 2; i++) {
            Var columns("columns"), inner("inner");
            auto product = p.weighted.update(i);
            by_tiles(product, p);
            product.split(v.d, columns, inner, 2 * lanes, TailStrategy::GuardWithIf);
            product.split(inner, v.d, inner, lanes);
            if (i == 0)
                product.reorder(inner, v.d, v.qi, p.over_steps.x, columns, p.tiles, p.over_steps.y)
                    .unroll(p.over_steps.x);
            else
                product.reorder(inner, v.d, v.qi, columns, p.tiles, p.over_rest);
            product.vectorize(inner).unroll(v.d).unroll(v.qi);
        }
        if (t.value_step == 1) return;
        Func staged = p.step_value;
        staged.compute_at(p.weighted, p.over_steps.y).store_in(MemoryType::Stack);
        staged.bound_extent(v.c, 1).bound_extent(v.qb, 1);
        staged.vectorize(v.d, lanes, TailStrategy::GuardWithIf);
        if (fixed) staged.bound(v.d, 0, x.value_head).unroll(v.d);
    }

    // Partial sums of a key in one vector, then their sum.
    void scores(SourceFuncs &p) {
        RVar step("step"), lane("lane");
        Var l("l");
        local(p.dot, LoopLevel(p.score, p.over_groups.y));
        p.dot.update().split(p.over_d, step, lane, lanes, TailStrategy::GuardWithIf);
        Func partial = p.dot.update().rfactor(lane, l);
        Halide::Stage sum = p.dot.update();
        if (t.value_step) return scores_of_tiles(p, partial, l, step, lane);
        p.dot.reorder_storage(v.k, v.qi).vectorize(v.k);
        const int keys = keys_of_tile(x);
        sum.split(v.k, p.keys, v.k, keys).reorder(lane, v.k, v.qi, p.keys);
        sum.atomic().vectorize(lane).vectorize(v.k);
        local(partial, LoopLevel(p.dot, p.keys));
        partial.bound_extent(v.k, keys).reorder_storage(l, v.k, v.qi).vectorize(l).unroll(v.k);
        partial.update().reorder(l, step, v.k);
        // By halves of a vector LLVM adds a pair's lanes in another order than those of groups.
        if (keys == kPair)
            partial.update().vectorize(l).unroll(v.k);
        else
            partial.update().vectorize(l, read).unroll(l);
        // Without multiply-adds (SSE; NEON, which has them, is not told apart) LLVM adds unrolled
        // products as a tree, not as a loop does.
        if (fixed && lanes > 4) partial.update().unroll(step);
    }

    // Of two keys, so that each vector of K and of Q is loaded once for several products. Their
    // loop is not unrolled: 0.29 -> 0.12 of the peak.
    void scores_of_tiles(SourceFuncs &p, Func partial, Var l, RVar step, RVar lane) {
        partial.compute_at(p.dot, p.tiles).store_in(MemoryType::Stack).bound_extent(v.qb, 1);
        partial.bound_extent(v.qi, t.tile_rows)
            .bound_extent(v.k, kPair)
            .reorder_storage(l, v.qi, v.k);
        partial.vectorize(l).unroll(v.qi).unroll(v.k);
        partial.update().reorder(l, v.qi, v.k, step).vectorize(l).unroll(v.qi).unroll(v.k);
        p.dot.vectorize(v.qi, t.tile_rows).unroll(v.k);
        Halide::Stage sum = p.dot.update();
        by_tiles(sum, p);
        sum.split(v.k, p.keys, v.k, kPair).reorder(lane, v.qi, v.k, p.tiles, p.keys);
        sum.unroll(v.k).atomic().vectorize(lane).vectorize(v.qi);
    }

    // Rows on the lanes.
    void softmax_of_tiles(SourceFuncs &p) {
        for (Func f : {p.score, p.probability, p.maximum, p.sum}) {
            f.vectorize(v.qi, t.tile_rows);
            by_tiles(f.update(), p);
            f.update().vectorize(v.qi);
        }
        p.score.update().reorder(v.qi, p.over_groups.x, p.tiles, p.over_groups.y);
        for (Func f : {p.maximum, p.sum, p.probability})
            f.update().reorder(v.qi, p.over_keys, p.tiles);
    }

    void softmax(SourceFuncs &p) {
        for (Func f : {p.score, p.probability}) {
            f.reorder_storage(v.k, v.qi);
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
