// Weighted sums beside the softmax. A task has a few rows of a group: their weights first, then
// row by row vectors of columns, whose accumulators stay in registers while the terms go by.
#include "blocked_softmax_cpu.h"

namespace attune {

using Halide::MemoryType;
using Halide::RVar;
using Halide::TailStrategy;

namespace {

constexpr int kRows = 16;  // whose weights are made together

// The maximum or sum over the terms of a row: partial ones on the lanes, then theirs.
void reduce(Func f, int lanes) {
    for (int i = 0; i < f.num_update_definitions(); i++) {
        RVar step("step"), lane("lane");
        Var l("l");
        f.update(i).split(f.rvars(i)[0], step, lane, lanes, TailStrategy::Predicate);
        Func partial = f.update(i).rfactor(lane, l);
        partial.compute_at(f, f.args().back()).vectorize(l);
        partial.update().reorder(l, step).vectorize(l);
        f.update(i).atomic().vectorize(lane);
    }
}

}  // namespace

void schedule_beside(Softmax &x, const BesideFuncs &p, int lanes) {
    const Beside &beside = p.beside;
    const std::vector<Var> args = x.result.args();
    Var rows("rows"), row = args.back();
    RVar column("column"), block("block");
    const RVar group = p.over.y;
    std::vector<Halide::VarOrRVar> order{column, block, row, rows, group};
    auto update = x.result.update(p.update);
    update.allow_race_conditions().split(p.over.x, block, column, lanes, TailStrategy::GuardWithIf);
    update.split(row, rows, row, kRows, TailStrategy::GuardWithIf);
    for (size_t i = 1; i + 1 < args.size(); i++) {
        order.push_back(args[i]);
        update.parallel(args[i]);
    }
    update.reorder(order).parallel(rows).parallel(group).vectorize(column);
    // No load goes past a row: masked ones, and whole vectors of what is made of them.
    const auto load = TailStrategy::PredicateLoads;
    Func terms = beside.terms, sum = beside.sum;
    terms.compute_at(x.result, rows).vectorize(terms.args()[0], lanes, load);
    for (Func f : beside.weights)
        f.compute_at(x.result, rows).vectorize(f.args()[0], lanes, TailStrategy::RoundUp);
    for (Func f : beside.rows) {
        f.compute_at(x.result, rows).store_in(MemoryType::Stack);
        f.bound_storage(f.args().back(), kRows);
        if (f.has_update_definition()) reduce(f, lanes);
    }
    const Var c = sum.args()[0];
    sum.compute_at(x.result, block).store_in(MemoryType::Stack).bound_extent(c, lanes).vectorize(c);
    for (int i = 0; i < sum.num_update_definitions(); i++) {
        const RVar term = sum.rvars(i)[0];
        sum.update(i).reorder(c, term).vectorize(c);
        Func f = beside.addends[size_t(i)];
        f.compute_at(sum, term).store_in(MemoryType::Stack);
        f.vectorize(f.args()[0], lanes, load);
    }
}

}  // namespace attune
