#include "grid.h"

namespace attune {

Grid::Grid(Build &x)
    : x(x),
      v(x.v),
      B(x.extent("B")),
      L(x.extent("L")),
      M(x.attribute("M")),
      n(L / M),
      D(x.extent("D")) {}

Lines Grid::lines(Expr count, Expr length, bool rows) const {
    return {count, length, v.b / count, v.b % count, rows};
}

Expr Grid::token(const Lines &of, Expr line, Expr place) const {
    Expr i = of.rows ? line * M + place : place * M + line;
    return unsafe_promise_clamped(i, 0, L - 1);
}

Expr Grid::load(const std::string &input, const Lines &of, Expr d, Expr place) const {
    return x.load(input, {of.batch, token(of, of.line, place), v.h, d});
}

Expr Grid::load(const Func &f, const Lines &of, Expr d, Expr place) const {
    return f(d, token(of, of.line, place), v.h, unsafe_promise_clamped(of.batch, 0, B - 1));
}

Source Grid::tokens(const std::string &name, const Lines &of, const std::string &values) const {
    Source s;
    s.name = name;
    s.first = 0;
    s.last = s.max_keys = of.length;
    if (!of.rows) s.apart = of.length;
    s.key = [=, g = *this](Expr d, const Key &j) { return g.load("k", of, d, j); };
    s.value = [=, g = *this](Expr d, const Key &j) { return g.load(values, of, d, j); };
    return s;
}

Queries Grid::queries(const Lines &of) const {
    Queries q;
    q.count = of.length;
    q.batches = B * of.count;
    q.scale = 1.f / sqrt(cast<float>(D));
    q.load = [=, g = *this](Expr d, Expr row) { return g.load("q", of, d, row); };
    q.place = [=, g = *this](Expr row) {
        Expr batch = unsafe_promise_clamped(of.batch, 0, g.B - 1);
        return std::vector<Expr>{batch, g.token(of, of.line, row), g.v.h};
    };
    return q;
}

Queries Grid::stage_queries(const Lines &of) const {
    Queries q = queries(of);
    q.place = [place = q.place](Expr row) {
        std::vector<Expr> to = place(row);
        std::swap(to[1], to[2]);
        return to;
    };
    return q;
}

void Grid::continue_from(const StageResult &stage, const Lines &of, Queries &q) const {
    auto column = [=, g = *this](Expr d, Expr row) { return g.load(stage.columns, of, d, row); };
    q.initial = [=](Expr d, Expr row) { return column(stage.part + d, row); };
    q.initial_lse = [=](Expr row) { return column(stage.lse, row); };
}

GridSizes::GridSizes(Build &x) {
    auto real = [](Expr e) { return cast<double>(e); };
    L = real(x.extent("L"));
    M = real(x.attribute("M"));
    n = L / M;
    D = real(x.extent("D"));
    heads = real(x.extent("B")) * real(x.extent("H"));
}

void declare_grid(Variant &v) {
    v.input("q", "B L H D", "queries, unscaled");
    v.input("k", "B L H D", "keys");
    v.input("v", "B L H D", "values");
    v.output("o", "B L H D", "result");
    v.integer("M", {}, 1, INT32_MAX, "length of a row; divides L");
    v.divides("M", "L");
}

}  // namespace attune
