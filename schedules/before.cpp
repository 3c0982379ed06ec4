#include "before.h"

namespace attune {

using Halide::TailStrategy;

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

void schedule_norm(RowNorm &n, const Dims &v, int lanes) {
    Var row = n.norm.args()[0], rows("rows");
    n.norm.compute_root().parallel(v.b).split(row, rows, row, 16, TailStrategy::GuardWithIf);
    n.norm.parallel(rows);
    for (Func f : {n.columns, n.squares}) {
        f.compute_at(n.norm, row).vectorize(v.d, lanes, TailStrategy::GuardWithIf);
        f.update().reorder(v.d, f.rvars(0)[0]).vectorize(v.d, lanes, TailStrategy::GuardWithIf);
    }
    for (Func f : {n.total, n.spread}) f.compute_at(n.norm, row);
}

}  // namespace attune
