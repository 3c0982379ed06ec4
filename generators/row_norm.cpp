#include "row_norm.h"

namespace attune {

using Halide::RDom;
using Halide::Tuple;

RowNorm row_norm(const Build &x, const std::string &name, Expr rows,
                 const std::function<Expr(Expr d, Expr h, Expr row)> &load) {
    const Dims &v = x.v;
    Expr D = x.extent("D"), H = x.extent("H"), all = cast<float>(D * H);
    RDom h(0, H, name + "_heads"), d(0, D, name + "_columns");
    Var row("row");
    RowNorm n;
    n.norm = Func(name + "_norm");
    n.columns = Func(name + "_sums");
    n.total = Func(name + "_total");
    n.squares = Func(name + "_squares");
    n.spread = Func(name + "_spread");
    n.columns(v.d, row, v.b) = 0.f;
    n.columns(v.d, row, v.b) += load(v.d, h, row);
    n.total(row, v.b) = 0.f;
    n.total(row, v.b) += n.columns(d, row, v.b);
    Expr mean = n.total(row, v.b) / all, away = load(v.d, h, row) - mean;
    n.squares(v.d, row, v.b) = 0.f;
    n.squares(v.d, row, v.b) += away * away;
    n.spread(row, v.b) = 0.f;
    n.spread(row, v.b) += n.squares(d, row, v.b);
    n.norm(row, v.b) = Tuple(mean, 1.f / sqrt(n.spread(row, v.b) / all + 1e-5f));
    n.norm.bound(row, 0, rows);
    return n;
}

Expr normed(const Build &x, const RowNorm &n, Expr value, Expr row, Expr gain, Expr bias) {
    Halide::FuncRef norm = n.norm(row, x.v.b);
    return (value - norm[0]) * (norm[1] * gain) + bias;
}

}  // namespace attune
