#include "row_norm.h"

namespace attune {

using Halide::RDom;
using Halide::Tuple;

RowNorm row_norm(const Build &x, const std::string &name, Expr count, const Rows &rows) {
    const Dims &v = x.v;
    Expr D = x.extent("D"), H = x.extent("H"), all = cast<float>(D * H);
    RDom h(0, H, name + "_heads"), d(0, D, name + "_columns");
    Var row("row"), part("part");
    RowNorm n;
    n.count = count;
    n.norm = Func(name + "_norm");
    n.columns = Func(name + "_sums");
    n.total = Func(name + "_total");
    n.squares = Func(name + "_squares");
    n.spread = Func(name + "_spread");
    n.columns(v.d, row, part, v.b) = 0.f;
    n.columns(v.d, row, part, v.b) += rows({v.d, part, h, row, v.b});
    n.total(row, part, v.b) = 0.f;
    n.total(row, part, v.b) += n.columns(d, row, part, v.b);
    Expr mean = n.total(row, part, v.b) / all, away = rows({v.d, part, h, row, v.b}) - mean;
    n.squares(v.d, row, part, v.b) = 0.f;
    n.squares(v.d, row, part, v.b) += away * away;
    n.spread(row, part, v.b) = 0.f;
    n.spread(row, part, v.b) += n.squares(d, row, part, v.b);
    n.norm(row, part, v.b) = Tuple(mean, 1.f / sqrt(n.spread(row, part, v.b) / all + 1e-5f));
    n.norm.bound(row, 0, count).bound(part, 0, 2);
    return n;
}

Rows normed(const RowNorm &n, const Rows &rows, const Rows &gain, const Rows &bias) {
    return [=](const Element &e) {
        Expr row = unsafe_promise_clamped(e.row, 0, n.count - 1);
        Halide::FuncRef norm = n.norm(row, unsafe_promise_clamped(e.part, 0, 1), e.batch);
        return (rows(e) - norm[0]) * (norm[1] * gain(e)) + bias(e);
    };
}

}  // namespace attune
