#include "tls.h"

#include "math/exp2.h"

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

Weights weights(const Build &x, const std::string &name, const Halide::RDom &terms, float least,
                const std::function<Expr(Expr term, Var m)> &logit, std::vector<Func> &before) {
    const Dims &v = x.v;
    Var m("m"), i("i");
    Func top(name + "_top"), weight(name + "_weight"), total(name + "_total");
    top(m, v.h, v.b) = least;
    top(m, v.h, v.b) = max(top(m, v.h, v.b), logit(terms, m));
    weight(i, m, v.h, v.b) = exp2_nonpositive((logit(i, m) - top(m, v.h, v.b)) * kLog2e);
    total(m, v.h, v.b) = 0.f;
    total(m, v.h, v.b) += weight(terms, m, v.h, v.b);
    before.insert(before.end(), {top, weight, total});
    return {weight, total};
}

namespace {

// Means of parts of the rows, each a task, and of these the means of all.
class Means {
public:
    Means(Build &x, Rows rows, Expr count, Kept kept)
        : x(x), rows(std::move(rows)), count(std::move(count)), kept(std::move(kept)) {}

    Rows made(std::vector<Func> &before) {
        auto make = [this] { return attention(); };
        const StageResult of_parts = x.stage("means", make, true);
        Func sum("means_sum");
        Var m("m");
        Halide::RDom all(0, parts, "over_parts");
        auto column = [&](Expr d, Expr p, Var m) {
            return of_parts.columns(d, v.h, m, v.b * parts + p);
        };
        auto lse = [&](Expr p, Var m) { return column(of_parts.lse, p, m); };
        auto [weight, total] = weights(x, "means", all, kNone, lse, before);
        sum(v.d, m, v.h, v.b) = 0.f;
        sum(v.d, m, v.h, v.b) += weight(all, m, v.h, v.b) * column(v.d, all, m);
        before.push_back(sum);
        return [=, *this, total = total](const Element &e) {
            Expr m = unsafe_promise_clamped(e.row, 0, r - 1);
            Expr d = one_row ? e.part * D + e.d : e.d, h = one_row ? e.head : e.part * H + e.head;
            return sum(d, m, h, e.batch) / total(m, h, e.batch);
        };
    }

private:
    // Rows that are enough work for a task, and the most parts, as each has means to be kept.
    // Emerald Rapids, tls_bidir_w128_r32: 0.516 of the peak, 512 rows 0.514, 256 0.509, all 4096 in
    // one part 0.519.
    static constexpr int kRows = 1024, kParts = 16;

    Build &x;
    const Rows rows;
    const Expr count;
    const Kept kept;
    const Dims &v = x.v;
    const Expr H = x.extent("H"), D = x.extent("D"), r = x.attribute("r");
    const Expr in_part = max((count + kParts - 1) / kParts, kRows);
    const Expr parts = max((count + in_part - 1) / in_part, 1);
    // Whether K and V, which have the same weights, are columns of one row. A vector of columns
    // that lie in both would be gathered, so else they are heads of their own.
    const bool one_row = is_const(D);

    // A softmax whose scores are given. A part of a batch element is a batch element here.
    Attention attention() const {
        Attention a;
        a.head = 1;
        if (one_row) a.value_head = simplify(2 * D);
        a.queries.count = r;
        a.queries.heads = one_row ? H : 2 * H;
        a.queries.batches = x.extent("B") * parts;
        a.queries.scale = 1.f;
        a.queries.load = [](Expr, Expr) { return Expr(0.f); };
        Expr batch = unsafe_promise_clamped(v.b / parts, 0, x.extent("B") - 1), head = v.h % H;
        Source s;
        s.name = "means";
        s.first = v.b % parts * in_part;
        s.last = min(s.first + in_part, count);
        s.max_keys = min(count, in_part);
        auto row = [=, count = count](Expr n) { return unsafe_promise_clamped(n, 0, count - 1); };
        auto element = [=, rows = rows](Expr d, Expr part, Expr n) {
            return rows({d, part, head, row(n), batch});
        };
        s.value = [=, H = H, D = D, h = v.h, one_row = one_row](Expr d, const Key &n) {
            if (!one_row) return element(d, h / H, n);
            return select(d < D, element(min(d, D - 1), 0, n), element(max(d - D, 0), 1, n));
        };
        s.given = [=, &x = x](Expr m, const Key &n) {
            return x.load("s", {batch, row(n), head, m});
        };
        if (kept)
            s.admit = [=, kept = kept](const std::vector<Expr> &, Expr, Expr n) {
                return kept(batch, n);
            };
        s.computed = true;
        a.sources = {s};
        return a;
    }
};

// A softmax of one row, as whole tensors.
Func global_row(Build &x, Func context, const Global &global, std::vector<Func> &before) {
    const Dims &v = x.v;
    Expr D = x.extent("D");
    Func query("global_query"), own("global_own"), score("global_score"), peak("global_peak");
    Func weight("global_weight"), total("global_total"), sum("global_sum"), result("global");
    Var n("n");
    Halide::RDom d(0, D, "global_over_head"), m(0, global.others, "global_over_rows");
    auto seen = [&](Expr row, Expr e, Expr other) {
        return global.kept ? select(global.kept(v.b, row), e, other) : e;
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

Rows means(Build &x, const Rows &rows, Expr count, const Kept &kept, std::vector<Func> &before) {
    return Means(x, rows, std::move(count), kept).made(before);
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
