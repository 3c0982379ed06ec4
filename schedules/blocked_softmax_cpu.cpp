// The score tile is Q^T[d][q] (a vector of queries) times K[k][d] (one element, broadcast from K in
// place), the second product P[k][q] times V[k][d] likewise. So K and V are never packed, any
// strides of theirs work, there is no horizontal maximum or sum and no lane tail in k, d or Lk. The
// only transpositions are Q in and O out, query_tile x D a block. With 24 accumulators the inner
// loops are 24 FMA + 3 loads + 8 broadcasts + 3 to 4 scalar instructions: the FMA pipes limit them.
#include "blocked_softmax_cpu.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "../generators/math/exp2.h"

namespace attune {

using Halide::LoopLevel;
using Halide::MemoryType;
using Halide::TailStrategy;

namespace {

class CpuSchedule {
public:
    CpuSchedule(Softmax &x, int lanes)
        : x(x),
          v(x.v),
          t(x.blocking),
          lanes(lanes),
          block(x.result, x.over_blocks),
          fixed(Halide::Internal::is_const(x.head) && Halide::Internal::is_const(x.value_head)) {}

    void apply() {
        tile();
        for (SourceFuncs &p : x.sources) source(p);
    }

private:
    Softmax &x;
    const Dims &v;
    const Blocking &t;
    const int lanes;
    const LoopLevel block;
    const bool fixed;  // head sizes are constants

    // A block's own: without bound_extent(qb, 1) storage and loops depend on rows / query_tile.
    void local(Func f) {
        f.store_in(MemoryType::Stack).bound_extent(v.qi, t.query_tile).bound_extent(v.qb, 1);
    }

    void tile() {
        for (Func f : {x.query, x.out, x.lse, x.state}) {
            f.compute_at(block);
            local(f);
        }
        x.query.reorder(v.d, v.qi);
        for (Func f : {x.lse, x.state}) f.vectorize(v.qi, lanes).unroll(v.qi);
        // Halide gives Funcs a stack slot that others had before, if it is large enough, and a slot
        // that a loop indexes keeps the accumulators of the products out of registers (bf16: 0.92
        // of the FMA peak, AVX2 0.52). So lse is too large for theirs, and norm is a vector.
        x.lse.bound_storage(v.qi, t.query_tile * (std::max(t.key_step, t.columns) + 1));
        Var rows("rows");
        x.out.split(v.qi, rows, v.qi, lanes).reorder(v.qi, v.d, rows).vectorize(v.qi);
        x.norm.compute_at(x.out, rows).store_in(MemoryType::Stack).vectorize(v.qi);
        x.norm.bound_extent(v.qi, lanes).bound_extent(v.qb, 1);
        if (!fixed) return;
        x.query.unroll(v.d, 16, TailStrategy::GuardWithIf);
        x.out.bound(v.d, 0, x.value_head).unroll(v.d);
        x.state.bound(v.g, 0, x.owners).unroll(v.g);
    }

    void source(SourceFuncs &p) {
        x.state.update(p.update)
            .reorder(v.qi, v.g, p.over_chunks)
            .vectorize(v.qi, lanes)
            .unroll(v.qi);
        p.range.compute_at(block).store_in(MemoryType::Stack).bound_extent(v.qb, 1);
        if (p.rows.defined()) {
            p.rows.compute_at(block).vectorize(v.qi, lanes).unroll(v.qi);
            local(p.rows);
        }
        LoopLevel chunk(x.state, p.over_chunks);
        schedule_place(p, chunk, lanes);
        for (Func f : {p.dot, p.score, p.maximum, p.probability, p.sum, p.weighted}) {
            local(f);
            f.vectorize(v.qi, lanes);
        }
        for (Func f : {p.score, p.maximum, p.probability, p.sum}) f.compute_at(chunk);
        p.score.bound_storage(v.k, t.key_chunk);
        p.probability.bound_storage(v.k, terms());
        if (t.widen || t.pairs) staged(p, chunk);
        // A tile of scores of its own: its accumulators never touch memory.
        p.dot.compute_at(p.score, p.over_groups.y).unroll(v.qi).unroll(v.k);
        p.dot.update().reorder(v.qi, v.k, p.over_d).vectorize(v.qi, lanes).unroll(v.qi).unroll(v.k);
        p.score.update()
            .reorder(v.qi, p.over_groups.x, p.over_groups.y)
            .vectorize(v.qi, lanes)
            .unroll(v.qi)
            .unroll(p.over_groups.x);
        for (Func f : {p.maximum, p.sum}) f.unroll(v.qi);
        p.maximum.update().reorder(v.qi, p.over_keys).vectorize(v.qi, lanes).unroll(v.qi);
        for (Func f : {p.probability, p.sum})
            f.update().reorder(v.qi, p.over_terms).vectorize(v.qi, lanes).unroll(v.qi);
        // The second product stays in registers until the merge: 0.814 -> 0.836 of the peak.
        p.weighted.compute_at(x.state, v.g).unroll(v.qi).unroll(v.d);
        p.weighted.update()
            .reorder(v.qi, v.d, p.over_terms)
            .vectorize(v.qi, lanes)
            .unroll(v.qi)
            .unroll(v.d);
    }

    int terms() const { return t.pairs ? (t.key_chunk + 1) / 2 : t.key_chunk; }

    // What is not read in place is made once a chunk and query block instead of once a register
    // tile.
    void staged(SourceFuncs &p, LoopLevel chunk) {
        auto stage = [&](Func f, int rows, Expr columns) {
            if (!f.has_update_definition()) return;
            f.compute_at(chunk).store_in(MemoryType::Stack).bound_storage(v.k, rows);
            f.bound_extent(v.qb, 1).bound_extent(v.c, 1);
            f.update().vectorize(v.d, lanes, TailStrategy::GuardWithIf);
            if (fixed) f.bound(v.d, 0, columns).update().unroll(v.d);
        };
        stage(p.key, t.key_chunk, x.head_terms);
        stage(p.value, terms(), x.value_head);
    }
};

// Funcs before the softmax, as whole tensors: the innermost dimension on the lanes, or in a dot
// product of heads of constant size the columns that it sums.
void schedule_before(Func f, const Dims &v, int lanes) {
    f.compute_root().parallel(v.h).parallel(v.b);
    f.vectorize(f.args()[0], lanes, TailStrategy::GuardWithIf);
    for (int i = 0; i < f.num_update_definitions(); i++) {
        Halide::Stage s = f.update(i).parallel(v.h).parallel(v.b);
        Halide::RVar r = f.rvars(i)[0];
        auto extent = Halide::Internal::as_const_int(r.extent());
        if (f.args()[0].name() == v.d.name())
            s.vectorize(v.d, lanes, TailStrategy::GuardWithIf);
        else if (extent && *extent % lanes == 0)
            s.atomic().vectorize(r, lanes);
    }
}

}  // namespace

Blocking cpu_blocking(const Params &p, const Storage &storage) {
    Blocking t{};
    t.query_tile = p.query_tile;
    t.key_chunk = p.key_chunk;
    t.key_step = p.key_step;
    t.columns = t.run = p.columns;
    t.row_threads = 1;
    t.whole_groups = p.columns_on_lanes;
    t.pairs = storage.bf16_pairs && !p.columns_on_lanes;
    t.widen = storage.type.bits() < 32 && !t.pairs && !p.columns_on_lanes;
    t.exp2 = exp2_nonpositive;
    return t;
}

// Nested parallel loops: fuse() above a compute_at with bound_extent takes an RVar as 0.
void schedule_result(Softmax &x, int lanes) {
    x.result.update()
        .allow_race_conditions()
        .reorder(x.column, x.over_rows, x.over_threads, x.over_blocks, x.over_heads, x.over_batches)
        .parallel(x.over_blocks)
        .parallel(x.over_heads)
        .parallel(x.over_batches)
        .vectorize(x.column, lanes, TailStrategy::GuardWithIf);
}

void schedule_place(SourceFuncs &p, LoopLevel chunk, int lanes) {
    if (!p.place.defined()) return;
    const std::vector<Var> args = p.place.args();  // key, chunk, block, head, batch
    Halide::Func f = p.place;
    f.compute_at(chunk).store_in(MemoryType::Stack).vectorize(args[0], lanes);
    f.bound_extent(args[1], 1).bound_extent(args[2], 1);
}

void schedule_cpu(Softmax &x, const Attention &a, const Params &params, int lanes) {
    if (!params.columns_on_lanes && params.query_tile % lanes != 0)
        throw std::invalid_argument("schedule: query_tile " + std::to_string(params.query_tile) +
                                    " is no multiple of " + std::to_string(lanes) + " lanes");
    for (const Func &f : a.before) schedule_before(f, x.v, lanes);
    schedule_result(x, lanes);
    for (const BesideFuncs &p : x.beside) schedule_beside(x, p, lanes);
    if (params.columns_on_lanes)
        schedule_columns(x, lanes);
    else
        CpuSchedule(x, lanes).apply();
}

}  // namespace attune
