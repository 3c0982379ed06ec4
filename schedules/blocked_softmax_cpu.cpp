// What both schedules of a CPU share.
#include "blocked_softmax_cpu.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

#include "../generators/math/exp2.h"
#include "before.h"

namespace attune {

using Halide::LoopLevel;
using Halide::MemoryType;
using Halide::TailStrategy;

namespace {

// Of the loops over heads and batch elements.
Halide::VarOrRVar inner_loop(const Softmax &x, bool by_head) {
    return by_head ? Halide::VarOrRVar(x.over_batches) : x.head_loop;
}

}  // namespace

Blocking cpu_blocking(const Params &p, const Storage &storage, int lanes) {
    Blocking t{};
    t.query_tile = p.query_tile;
    t.tile_rows = p.tile_rows ? p.tile_rows : p.query_tile;
    t.key_chunk = p.key_chunk;
    t.key_step = p.key_step;
    t.columns = t.run = p.columns;
    t.unroll = p.unroll;
    t.row_threads = 1;
    // AVX2 has no shuffle of two whole vectors: 8 x 8 elements took 72 instructions, in four blocks
    // of 4 x 4 they take 32 (Zen 3: window of 256 keys 0.61 -> 0.64, combiner_fixed 0.44 -> 0.46).
    t.transposed = p.columns_on_lanes ? 0 : lanes == 8 ? 4 : std::min(lanes, t.tile_rows);
    t.value_step = p.columns_on_lanes && p.query_tile > 1 ? std::max(p.unroll, 1) : 0;
    t.element_bytes = storage.type.bytes();
    // Iterations of all loops that ask.
    const int whole = std::lcm(p.key_step, std::max(t.value_step, 1));
    t.ahead = (p.ahead + whole - 1) / whole * whole;
    t.next_block = p.columns_on_lanes ? 0 : p.next_block;
    t.together = !p.columns_on_lanes && storage.type.bits() == 32;
    t.whole_groups = p.columns_on_lanes && !t.value_step;
    t.pairs = storage.bf16_pairs && !p.columns_on_lanes;
    // Of 16 rows Halide 21 refuses the products ("Store to AMX tile allocation of a non-tile
    // value").
    const bool rows = t.tile_rows > 16 && t.tile_rows % 16 == 0;
    t.tiles = t.pairs && storage.bf16_tiles && rows && p.key_chunk % 32 == 0;
    t.widen = storage.type.bits() < 32 && !t.pairs && !p.columns_on_lanes;
    // Zen 3: half a hundredth of the peak. With AVX-512 the pipes are what the loop waits for;
    // without multiply-adds pairs are rounded more often (a bidirectional Combiner of 100 tokens
    // was past the error rule).
    t.exp2 = lanes != 8 ? exp2_nonpositive : exp2_nonpositive_in_pairs;
    return t;
}

// Nested parallel loops: fuse() above a compute_at with bound_extent takes an RVar as 0.
void schedule_result(Softmax &x, bool by_head, int lanes) {
    Halide::Stage s = x.result.update();
    s.allow_race_conditions();
    s.reorder(x.column, x.over_rows, x.over_threads, x.over_blocks, inner_loop(x, by_head),
              inner_loop(x, !by_head));
    s.parallel(x.over_blocks).parallel(x.head_loop).parallel(x.over_batches);
    const int width = x.out_blocks.width;  // of a constant head, then
    s.vectorize(x.column, width ? width : lanes, TailStrategy::GuardWithIf);
    if (width && !x.column.is_rvar) s.unroll(x.column);  // Zen 3: 2 %
}

void schedule_place(SourceFuncs &p, LoopLevel chunk, int lanes) {
    if (!p.place.defined()) return;
    const std::vector<Var> args = p.place.args();  // key, chunk, block, head, batch
    Halide::Func f = p.place;
    f.compute_at(chunk).store_in(MemoryType::Stack).vectorize(args[0], lanes);
    f.bound_extent(args[1], 1).bound_extent(args[2], 1);
}

LoopLevel line_level(const Softmax &x, bool by_head) {
    return LoopLevel(x.result, inner_loop(x, by_head));
}

LoopLevel head_level(const Softmax &x, const Attention &a) {
    return a.by_head ? LoopLevel(x.result, x.head_loop) : LoopLevel::root();
}

void schedule_cpu(Softmax &x, const Attention &a, const Params &params, int lanes) {
    const int rows = x.blocking.tile_rows;
    if (!params.columns_on_lanes && rows % lanes != 0 && rows * 2 != lanes)
        throw std::invalid_argument("schedule: tile_rows " + std::to_string(rows) +
                                    " is no multiple of " + std::to_string(lanes) +
                                    " lanes, nor half of them");
    if (x.blocking.value_step > params.key_chunk)
        throw std::invalid_argument("schedule: unroll " + std::to_string(params.unroll) +
                                    " exceeds key_chunk " + std::to_string(params.key_chunk));
    for (const Func &f : a.before) schedule_before(f, x.v, lanes, head_level(x, a));
    for (Func f : a.before_line) {
        schedule_before(f, x.v, lanes, line_level(x, a.by_head));
        f.bound_extent(x.v.h, 1).bound_extent(x.v.b, 1);
    }
    for (RowNorm n : a.norms) schedule_norm(n, x.v, lanes);
    schedule_result(x, a.by_head, lanes);
    for (const BesideFuncs &p : x.beside) schedule_beside(x, p, lanes);
    if (params.columns_on_lanes)
        schedule_columns(x, lanes);
    else
        schedule_rows(x, a.by_head, lanes);
}

}  // namespace attune
