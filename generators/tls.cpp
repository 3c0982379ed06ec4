#include "tls.h"

namespace attune {

Rows both(const Build &x, const std::string &keys, const std::string &values) {
    return [=, &x](const Element &e) {
        auto load = [&](const std::string &name) {
            return x.load(name, {e.batch, e.row, e.head, e.d});
        };
        return either(e.part == 0, load(keys), load(values));
    };
}

Rows columns(const Build &x, const std::string &input) {
    return [=, &x](const Element &e) { return x.load(input, {e.head * x.extent("D") + e.d}); };
}

Rows joined(const Rows &first, Expr split, const Rows &second) {
    return [=](Element e) {
        Expr before = e.row < split, chosen = first(e);
        e.row = e.row - split;
        return either(before, chosen, second(e));
    };
}

Rows laid_out(const Build &x, const std::string &name, const Rows &rows, Expr count,
              std::vector<Func> &before) {
    const Dims &v = x.v;
    Expr H = x.extent("H");
    Var row("row");
    Func f(name);
    Expr element = rows({v.d, v.h / H, v.h % H, row, v.b});
    f(v.d, row, v.h, v.b) = either(row < count, element, 0.f);
    f.bound(v.d, 0, x.extent("D")).bound(row, 0, count + 1).bound(v.h, 0, 2 * H);
    before.push_back(f);
    return [=](const Element &e) {
        Expr row = unsafe_promise_clamped(e.row, 0, count);
        return f(e.d, row, e.part * H + e.head, e.batch);
    };
}

Rows within(const Rows &rows, Expr count) {
    return [=](Element e) {
        e.row = unsafe_promise_clamped(e.row, 0, count - 1);
        return rows(e);
    };
}

void read(Source &s, const Build &x, const Rows &rows) {
    auto part = [=, v = x.v](int part) {
        return [=](Expr d, const Key &k) { return rows({d, part, v.h, k, v.b}); };
    };
    s.key = part(0);
    s.value = part(1);
}

Source far(const Build &x, const Rows &rows, Expr count) {
    Source s;
    s.name = "far";
    s.first = 0;
    s.last = s.max_keys = count;
    read(s, x, rows);
    return s;
}

namespace {

// A softmax whose scores are given; its heads are those of K, then those of V.
Attention mean(const Build &x, const Rows &rows, Expr count,
               const std::function<Expr(Expr row)> &kept) {
    const Dims &v = x.v;
    Expr H = x.extent("H"), head = v.h % H, r = x.attribute("r");
    Attention a;
    a.head = 1;
    a.queries.count = r;
    a.queries.heads = 2 * H;
    a.queries.scale = 1.f;
    a.queries.load = [](Expr, Expr) { return Expr(0.f); };
    Source all;
    all.name = "means";
    all.first = 0;
    all.last = all.max_keys = count;
    auto row = [=](Expr n) { return unsafe_promise_clamped(n, 0, count - 1); };
    all.value = [=](Expr d, const Key &n) { return rows({d, v.h / H, head, row(n), v.b}); };
    all.given = [=, &x](Expr m, const Key &n) { return x.load("s", {v.b, row(n), head, m}); };
    if (kept) all.admit = [=](const std::vector<Expr> &, Expr, Expr n) { return kept(n); };
    all.computed = true;
    a.sources = {all};
    return a;
}

// A softmax of one row, as whole tensors.
Func global_row(Build &x, Func context, const Global &global, std::vector<Func> &before) {
    const Dims &v = x.v;
    Expr D = x.extent("D");
    Func query("global_query"), own("global_own"), score("global_score"), peak("global_peak");
    Func weight("global_weight"), total("global_total"), sum("global_sum"), result("global");
    Var n("n");
    Halide::RDom d(0, D, "global_over_head"), m(0, global.others, "global_over_rows");
    auto seen = [&](Expr row, Expr e, Expr other) {
        return global.kept ? select(global.kept(row), e, other) : e;
    };
    query(v.d, v.h, v.b) = global.query(v.d) / sqrt(cast<float>(D));
    own(v.h, v.b) = 0.f;
    own(v.h, v.b) += query(d, v.h, v.b) * global.key(d);
    score(n, v.h, v.b) = 0.f;
    score(n, v.h, v.b) += query(d, v.h, v.b) * context(d, v.h, n, v.b);
    peak(v.h, v.b) = own(v.h, v.b);
    Expr top = peak(v.h, v.b), self = exp(own(v.h, v.b) - top);
    peak(v.h, v.b) = seen(m, max(top, score(m, v.h, v.b)), top);
    weight(n, v.h, v.b) = seen(n, exp(min(score(n, v.h, v.b) - top, 0.f)), 0.f);
    total(v.h, v.b) = self;
    total(v.h, v.b) += weight(m, v.h, v.b);
    sum(v.d, v.h, v.b) = self * global.value(v.d);
    sum(v.d, v.h, v.b) += weight(m, v.h, v.b) * context(v.d, v.h, m, v.b);
    result(v.d, v.h, v.b) = sum(v.d, v.h, v.b) / total(v.h, v.b);
    before.insert(before.end(), {query, own, score, peak, weight, total, sum, result});
    return result;
}

}  // namespace

Rows means(Build &x, const Rows &rows, Expr count, const std::function<Expr(Expr row)> &kept) {
    auto make = [&] { return mean(x, rows, count, kept); };
    Func all = x.stage("means", make, false).columns;
    Expr H = x.extent("H"), r = x.attribute("r");
    return [=](const Element &e) {
        return all(e.d, e.part * H + e.head, unsafe_promise_clamped(e.row, 0, r - 1), e.batch);
    };
}

Direct with_global(Build &x, const std::function<Attention()> &others, const Global &global) {
    const Dims &v = x.v;
    Func context = x.stage("others", others, false).columns, out("out");
    Direct all;
    Func own = global_row(x, context, global, all.before);
    Var row("row");
    Expr other = context(v.d, v.h, max(row - global.given, 0), v.b);
    out(v.d, v.h, row, v.b) = x.stored(either(row < global.given, own(v.d, v.h, v.b), other));
    all.result = out;
    return all;
}

}  // namespace attune
