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

}  // namespace

void schedule_direct(Direct &x, int lanes) {
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

}  // namespace attune
