#include "direct.h"

#include "before.h"

namespace attune {

using Halide::TailStrategy;

void schedule_direct(Direct &x, const Dims &v, int lanes) {
    for (const Func &f : x.before) schedule_before(f, v, lanes);
    const std::vector<Var> &args = x.result.args();
    Var d = args[0], row = args[1];
    // Two dimensions are one loop. With a third or a split, Halide would store what a row needs for
    // each value of one of them, though it computes a single one.
    if (args.size() > 2) {
        row = Var("row");
        x.result.fuse(args[1], args[2], row);
    }
    x.result.parallel(row);
    for (size_t i = 3; i < args.size(); i++) x.result.parallel(args[i]);
    x.result.vectorize(d, lanes, TailStrategy::GuardWithIf);
    for (Func f : x.rows) f.compute_at(x.result, row);
    for (Func f : x.columns) {
        f.compute_at(x.result, row).vectorize(d, lanes, TailStrategy::GuardWithIf);
        for (int i = 0; i < f.num_update_definitions(); i++) whole_rows(f, i, lanes);
    }
}

}  // namespace attune
