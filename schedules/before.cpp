#include "before.h"

namespace attune {

using Halide::LoopLevel;
using Halide::TailStrategy;

namespace {

// A product of matrices, columns v.d of rows v.qi: four rows share a load of the other matrix.
void schedule_product(Func f, const Dims &v, int lanes) {
    Var columns("columns"), rows("rows");
    Halide::Stage s = f.update().split(v.d, columns, v.d, lanes, TailStrategy::GuardWithIf);
    s.split(v.qi, rows, v.qi, 4, TailStrategy::GuardWithIf);
    std::vector<Halide::VarOrRVar> order{v.d, v.qi};
    for (const Halide::RVar &r : f.rvars()) order.push_back(r);
    order.insert(order.end(), {rows, columns});
    s.reorder(order).vectorize(v.d).unroll(v.qi);
}

// Terms of an update's sum, if they are whole vectors; else 0.
int whole_vectors(const Func &f, int update, int lanes) {
    // Of the RVar itself Halide tells the name only.
    auto extent = as_const_int(f.function().update(update).schedule().rvars()[0].extent);
    return extent && *extent % lanes == 0 ? int(*extent) : 0;
}

// One sum across lanes.
void sum_across(Func f, int update, int lanes) {
    if (const int terms = whole_vectors(f, update, lanes))
        f.update(update).atomic().vectorize(f.rvars(update)[0], terms);
}

}  // namespace

void whole_rows(Func f, int update, int lanes) {
    const Var column = f.args()[0];
    Halide::Stage s = f.update(update);
    s.vectorize(column, lanes, TailStrategy::GuardWithIf);
    std::vector<Halide::VarOrRVar> order{column};
    for (const Halide::RVar &row : f.rvars(update)) order.push_back(row);
    s.reorder(order);
    for (const Halide::Internal::Bound &b : f.function().schedule().bounds())
        if (b.var == column.name() && b.extent.defined() && is_const(b.extent)) s.unroll(column);
}

void schedule_before(Func f, const Dims &v, int lanes, const LoopLevel &at) {
    f.compute_at(at).parallel(v.h).parallel(v.b);
    f.vectorize(f.args()[0], lanes, TailStrategy::GuardWithIf);
    for (int i = 0; i < f.num_update_definitions(); i++) {
        Halide::Stage s = f.update(i).parallel(v.h).parallel(v.b);
        if (f.args()[1].name() == v.qi.name())
            schedule_product(f, v, lanes);
        else if (f.args()[0].name() == v.d.name())
            whole_rows(f, i, lanes);
        else
            sum_across(f, i, lanes);
    }
}

void schedule_norm(RowNorm &n, const Dims &v, int lanes) {
    Var row = n.norm.args()[0], part = n.norm.args()[1], rows("rows");
    n.norm.compute_root().parallel(v.b).parallel(part);
    n.norm.split(row, rows, row, 16, TailStrategy::GuardWithIf).parallel(rows);
    const bool in_registers = whole_vectors(n.total, 0, lanes);
    for (Func f : {n.columns, n.squares}) {
        f.compute_at(n.norm, row).vectorize(v.d, lanes, TailStrategy::GuardWithIf);
        whole_rows(f, 0, lanes);
        if (in_registers) f.unroll(v.d), f.update().unroll(v.d);
    }
    for (Func f : {n.total, n.spread}) {
        f.compute_at(n.norm, row);
        sum_across(f, 0, lanes);
    }
}

}  // namespace attune
