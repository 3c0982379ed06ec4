// A block of threads_x * threads_y threads has a tile of queries. Thread (tx, ty) owns the queries
// ty + threads_y * i, the keys tx + threads_x * j of a chunk and the columns
// 4 * tx + 4 * threads_x * j + 0..3 of V: its part of the scores, of the second product and of the
// state never leaves its registers. Q, K, V and the probabilities are in shared memory.
//
// With 8 x 16 threads and a tile of 128 queries x 64 keys, D 64, a thread has 8 x 8 scores and the
// inner loops are 256 FFMA to 16 LDS.128 in 276 instructions: 4 FFMA a loaded word. Rows of Q and K
// are 4 words longer than a head, so the 8 keys that a quarter of a warp reads are in the banks
// 4 * tx .. 4 * tx + 3: no conflict. So are rows of probabilities, 8 words longer than a chunk: a
// warp's four rows are in the banks 8 * ty + tx.
#include "blocked_softmax_gpu.h"

#include <stdexcept>

#include "../generators/math/exp2.h"

namespace attune {

using Halide::LoopLevel;
using Halide::MemoryType;
using Halide::RVar;
using Halide::Stage;
using Halide::TailStrategy;
using Halide::VarOrRVar;

namespace {

constexpr int kRun = 4;  // neighbouring columns of V that a thread owns: one 16-byte load

class GpuSchedule {
public:
    GpuSchedule(Softmax &x, const Params &p)
        : x(x),
          v(x.v),
          t(x.blocking),
          threads_x(p.threads_x),
          threads_y(p.threads_y),
          unroll(p.unroll),
          block(x.result, x.over_blocks) {}

    void apply() {
        rows();
        tile();
        for (SourceFuncs &p : x.sources) source(p);
    }

private:
    Softmax &x;
    const Dims &v;
    const Blocking &t;
    const int threads_x, threads_y;
    // Steps of a reduction at once: 4 on CUDA, where LLVM makes one LDS.128 of four loads. 1 for
    // OpenCL, whose compilers unroll by themselves: its source is the larger part of an object.
    const int unroll;
    const LoopLevel block;
    Var tx{"tx"}, ty{"ty"}, ri{"ri"}, ki{"ki"}, run{"run"}, dj{"dj"}, dd{"dd"};

    // Extents of one where there is one: without them the size of shared memory is a run-time
    // expression, and the kernel spills about 1 kB a thread.
    void one_block(Func f) {
        f.bound_extent(v.qi, t.query_tile).bound_extent(v.qb, 1);
        one_head(f);
    }
    void one_head(Func f) { f.bound_extent(v.h, 1).bound_extent(v.b, 1); }

    // Rows of a stage go to the threads ty.
    Stage own_rows(Stage s) { return s.split(v.qi, ri, ty, threads_y); }
    // and their keys to tx.
    void own_keys(Stage s, VarOrRVar k, VarOrRVar inner, VarOrRVar thread) {
        own_rows(s)
            .split(k, inner, thread, threads_x)
            .reorder(inner, ri, thread, ty)
            .unroll(inner)
            .unroll(ri)
            .gpu_threads(thread, ty);
    }
    // or their columns.
    Stage own_columns(Stage s) {
        return own_rows(s).split(v.d, dj, dd, kRun * threads_x).split(dd, tx, run, kRun);
    }
    // One thread a row.
    void row_per_thread(Stage s) { s.split(v.qi, ty, tx, threads_x).gpu_threads(tx, ty); }

    // Columns past Dv are in the tiles, but not in the result.
    void rows() {
        x.result.bound(v.d, 0, x.value_head);
        x.result.update()
            .allow_race_conditions()
            .split(v.d, dj, dd, kRun * threads_x)
            .split(dd, tx, run, kRun)
            .reorder(run, dj, x.over_rows, tx, x.over_threads, x.over_blocks, x.over_heads,
                     x.over_batches)
            .unroll(run)
            .unroll(dj)
            .unroll(x.over_rows)
            .gpu_threads(tx, x.over_threads)
            .gpu_blocks(x.over_blocks, x.over_heads, x.over_batches);
    }

    void tile() {
        x.query.compute_at(block).reorder_storage(v.d, v.qi, v.qb, v.h, v.b);
        one_block(x.query);
        stage(x.query, v.qi, x.head, 4);
        x.state.compute_at(block).store_in(MemoryType::Register).bound(v.g, 0, threads_x);
        one_block(x.state);
        own_state(x.state).reorder(ri, v.g, ty);
    }

    Stage own_state(Stage s) { return own_rows(s).unroll(ri).gpu_threads(v.g, ty); }

    // Rows of Q, K or V to shared memory. Neighbouring threads read neighbouring columns, whatever
    // the strides and the alignment of the tensor are.
    void stage(Func f, Var row, Expr head, int pad) {
        Var flat("flat"), i("i"), thread("thread");
        f.store_in(MemoryType::GPUShared)
            .bound(v.d, 0, head)
            .align_storage(v.d, head + pad)
            .fuse(v.d, row, flat)
            .split(flat, i, thread, threads_x * threads_y, TailStrategy::GuardWithIf)
            .split(thread, ty, tx, threads_x)
            .reorder(i, tx, ty)
            .gpu_threads(tx, ty);
        if (unroll > 1) f.unroll(i);
    }

    void source(SourceFuncs &p) {
        own_state(x.state.update(p.update)).reorder(ri, v.g, ty, p.over_chunks);
        if (p.rows.defined()) {
            p.rows.compute_at(block).store_in(MemoryType::GPUShared);
            one_block(p.rows);
            row_per_thread(p.rows);
        }
        keys(p);
        scores(p);
        reduction(p, p.maximum);
        probabilities(p);
        reduction(p, p.sum);
        weighted(p);
    }

    LoopLevel chunk(const SourceFuncs &p) const { return LoopLevel(x.state, p.over_chunks); }
    void one_chunk(const SourceFuncs &p, Func f) {
        f.compute_at(chunk(p)).bound_extent(v.c, 1);
        one_block(f);
    }

    void keys(SourceFuncs &p) {
        for (Func f : {p.key, p.value}) {
            f.compute_at(chunk(p)).bound_extent(v.c, 1).bound_extent(v.qb, 1);
            f.bound_extent(v.k, t.key_chunk);
            one_head(f);
        }
        stage(p.key, v.k, x.head, 4);
        stage(p.value, v.k, x.value_head, 0);
    }

    void scores(SourceFuncs &p) {
        for (Func f : {p.dot, p.score}) {
            one_chunk(p, f);
            f.store_in(MemoryType::Register).bound_extent(v.k, t.key_chunk);
        }
        p.dot.bound_extent(v.kt, 1);
        own_keys(p.dot, v.k, ki, tx);
        RVar outer("outer"), inner("inner");
        own_rows(p.dot.update())
            .split(v.k, ki, tx, threads_x)
            .split(p.over_d, outer, inner, unroll)
            .reorder(inner, ki, ri, outer, tx, ty)
            .unroll(inner)
            .unroll(ki)
            .unroll(ri)
            .gpu_threads(tx, ty);
        RVar key("key"), thread("thread");
        own_keys(p.score.update(), p.over_groups.x, key, thread);
    }

    // A partial result a thread in shared memory, then one thread a row: shuffles would need a row
    // in a warp, which a two-dimensional register tile has not.
    void reduction(SourceFuncs &p, Func f) {
        RVar key("key"), thread("thread");
        Var u("u");
        f.update().split(p.over_keys, key, thread, threads_x);
        Func partial = f.update().rfactor(thread, u);
        one_chunk(p, f);
        one_chunk(p, partial);
        f.store_in(MemoryType::GPUShared);
        row_per_thread(f);
        f.update()
            .split(v.qi, ty, tx, threads_x)
            .reorder(thread, tx, ty)
            .unroll(thread)
            .gpu_threads(tx, ty);
        partial.store_in(MemoryType::GPUShared).align_storage(v.qi, t.query_tile + 4);
        own_rows(partial).reorder(ri, u, ty).unroll(ri).gpu_threads(u, ty);
        own_rows(partial.update())
            .reorder(key, ri, u, ty)
            .unroll(key)
            .unroll(ri)
            .gpu_threads(u, ty);
    }

    // In registers for the sum, and a copy in shared memory for the second product.
    void probabilities(SourceFuncs &p) {
        Func shared = p.probability.in(p.weighted);
        for (Func f : {p.probability, shared}) {
            one_chunk(p, f);
            f.bound_extent(v.k, t.key_chunk);
        }
        p.probability.store_in(MemoryType::Register);
        RVar key("key"), thread("thread");
        own_keys(p.probability.update(), p.over_keys, key, thread);
        shared.store_in(MemoryType::GPUShared)
            .reorder_storage(v.k, v.qi, v.c, v.qb, v.h, v.b)
            .align_storage(v.k, t.key_chunk + 8);
        own_keys(shared, v.k, ki, tx);
    }

    void weighted(SourceFuncs &p) {
        one_chunk(p, p.weighted);
        p.weighted.store_in(MemoryType::Register).bound(v.d, 0, x.value_head);
        own_columns(p.weighted)
            .reorder(run, dj, ri, tx, ty)
            .unroll(run)
            .unroll(dj)
            .unroll(ri)
            .gpu_threads(tx, ty);
        RVar outer("outer"), inner("inner");
        own_columns(p.weighted.update())
            .split(p.over_keys, outer, inner, unroll)
            .reorder(inner, run, dj, ri, outer, tx, ty)
            .unroll(inner)
            .unroll(run)
            .unroll(dj)
            .unroll(ri)
            .gpu_threads(tx, ty);
    }
};

// Funcs before the softmax, as whole tensors: a thread an element, 32 neighbours a block.
void schedule_before(Func f, const Dims &v) {
    f.compute_root();
    for (int i = -1; i < f.num_update_definitions(); i++) {
        Stage s = i < 0 ? Stage(f) : f.update(i);
        Var first = f.args()[0], heads("heads"), outer("outer"), inner("inner");
        s.fuse(v.h, v.b, heads).split(first, outer, inner, 32, TailStrategy::GuardWithIf);
        std::vector<VarOrRVar> blocks{outer, heads};
        if (f.dimensions() == 4) blocks = {outer, f.args()[1], heads};
        std::vector<VarOrRVar> order = blocks;
        order.insert(order.begin(), inner);
        s.reorder(order).gpu_threads(inner);
        for (const VarOrRVar &b : blocks) s.gpu_blocks(b);
    }
}

// 2^x in one instruction, for the only GPU language that has a name for it.
Expr exp2_instruction(Expr x) {
    using Halide::Internal::Call;
    return Call::make(Halide::Float(32), "llvm.nvvm.ex2.approx.ftz.f", {x}, Call::PureExtern);
}

void check(const Params &p) {
    bool good = p.threads_x > 0 && p.threads_y > 0 && p.query_tile % p.threads_y == 0 &&
                p.query_tile % p.threads_x == 0 && p.query_tile > 0 && p.key_chunk > 0 &&
                p.query_tile <= p.threads_x * p.threads_y && p.key_chunk % p.threads_x == 0 &&
                p.key_chunk % 4 == 0;
    if (!good)
        throw std::runtime_error("schedule '" + p.text() +
                                 "' is none for a GPU: query_tile is a multiple of threads_x and "
                                 "of threads_y, at most their product, and key_chunk one of "
                                 "threads_x and of 4");
}

}  // namespace

Blocking gpu_blocking(const Params &p, int head, bool cuda) {
    check(p);
    const int owned = kRun * p.threads_x, padded = (head + owned - 1) / owned * owned;
    Blocking t{};
    t.query_tile = p.query_tile;
    t.key_chunk = t.key_step = p.key_chunk;
    t.columns = padded / p.threads_x;
    t.run = kRun;
    t.row_threads = p.threads_y;
    t.owned = true;
    t.padded_head = padded;
    t.exp2 = cuda ? exp2_instruction : exp2_nonpositive;
    t.exp2_flushes = cuda;
    return t;
}

void schedule_gpu(Softmax &x, const Attention &a, const Params &p) {
    for (const auto &list : {a.before, a.before_line})
        for (const Func &f : list) schedule_before(f, x.v);
    GpuSchedule(x, p).apply();
}

}  // namespace attune
