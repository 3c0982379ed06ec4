#include "direct.h"

namespace attune {

using Halide::TailStrategy;

namespace {

Var fuse_from(Halide::Stage s, const std::vector<Var> &args, size_t first) {
    Var all = args[first];
    for (size_t i = first + 1; i < args.size(); i++) {
        Var next("fused" + std::to_string(i));
        s.fuse(all, args[i], next);
        all = next;
    }
    return all;
}

void schedule_cpu(Direct &x, int lanes) {
    Var rows("rows"), row("row"), d = x.result.args()[0];
    Var all = fuse_from(x.result, x.result.args(), 1);
    x.result.split(all, rows, row, 16, TailStrategy::GuardWithIf).parallel(rows);
    x.result.vectorize(d, lanes, TailStrategy::GuardWithIf);
    for (Func f : x.rows) f.compute_at(x.result, row);
    for (Func f : x.columns) {
        f.compute_at(x.result, row).vectorize(d, lanes, TailStrategy::GuardWithIf);
        for (int i = 0; i < f.num_update_definitions(); i++) {
            std::vector<Halide::VarOrRVar> order{d};
            for (const Halide::RVar &r : f.rvars(i)) order.push_back(r);
            f.update(i).reorder(order).vectorize(d, lanes, TailStrategy::GuardWithIf);
        }
    }
}

void schedule_gpu(Func f) {
    f.compute_root();
    for (int i = -1; i < f.num_update_definitions(); i++) {
        Halide::Stage s = i < 0 ? Halide::Stage(f) : f.update(i);
        Var block("block"), thread("thread"), all = fuse_from(s, f.args(), 0);
        s.split(all, block, thread, 64, TailStrategy::GuardWithIf);
        std::vector<Halide::VarOrRVar> order;
        if (i >= 0)
            for (const Halide::RVar &r : f.rvars(i)) order.push_back(r);
        order.insert(order.end(), {thread, block});
        s.reorder(order).gpu_blocks(block).gpu_threads(thread);
    }
}

}  // namespace

void schedule_direct(Direct &x, int lanes) {
    if (lanes > 0) return schedule_cpu(x, lanes);
    for (auto *funcs : {&x.rows, &x.columns})
        for (const Func &f : *funcs) schedule_gpu(f);
    schedule_gpu(x.result);
}

}  // namespace attune
