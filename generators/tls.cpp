#include "tls.h"

namespace attune {

using Halide::Internal::Call;

namespace {

Expr branch(const Expr &condition, const Expr &chosen, const Expr &other) {
    return Call::make(chosen.type(), Call::if_then_else, {condition, chosen, other},
                      Call::PureIntrinsic);
}

// What is used twice in a branch Halide computes once, before it looks at the condition: f16 bits
// on CPUs that do not widen them. So the load of such bits has the condition to itself.
class GuardBits : public Halide::Internal::IRMutator {
public:
    explicit GuardBits(Expr condition) : condition(std::move(condition)) {}

private:
    const Expr condition;
    using IRMutator::visit;
    Expr visit(const Call *load) override {
        if (load->call_type != Call::Image || load->type != Halide::UInt(16))
            return IRMutator::visit(load);
        return branch(condition, load, Halide::Internal::make_zero(load->type));
    }
};

Expr guarded(const Expr &condition, const Expr &e) { return GuardBits(condition).mutate(e); }

}  // namespace

Expr either(Expr condition, Expr chosen, Expr other) {
    condition = simplify(condition);
    if (is_const_one(condition)) return chosen;
    if (is_const_zero(condition)) return other;
    return branch(condition, guarded(condition, chosen), guarded(!condition, other));
}

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

// Both are read and one is chosen: a branch for each vector was 20 % of the whole.
void read(Source &s, const Build &x, const Rows &marks, Expr split, const Rows &tokens, Expr batch,
          const std::function<Expr(const Key &)> &row) {
    auto part = [=, h = x.v.h](int part) {
        return [=](Expr d, const Key &k) {
            Expr at = row(k), token = max(at - split, 0), mark = min(at, split);
            return select(at < split, marks({d, part, h, mark, batch}),
                          tokens({d, part, h, token, batch}));
        };
    };
    s.key = part(0);
    s.value = part(1);
    s.computed = true;
}

// A softmax whose scores are given; its heads are those of K, then those of V.
Rows means(Build &x, const Rows &rows, Expr count, const std::function<Expr(Expr row)> &kept) {
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
    all.key = [](Expr, const Key &) { return Expr(0.f); };
    all.value = [=](Expr d, const Key &n) {
        return rows({d, v.h / H, head, unsafe_promise_clamped(n.index, 0, count - 1), v.b});
    };
    // Up to whole blocks, so that a block reads neighbours.
    Var m("m"), n("n");
    Func logits("logits");
    logits(m, n, v.h, v.b) = x.load("s", {v.b, n, v.h, min(m, r - 1)});
    all.score = [=, &x](Expr, Expr, Expr n) {
        Expr row = unsafe_promise_clamped(n, 0, count - 1);
        return logits(x.block_first() + v.qi, row, head, v.b);
    };
    a.before = {logits};
    if (kept) all.admit = [=](const std::vector<Expr> &, Expr, Expr n) { return kept(n); };
    all.computed = true;
    a.sources = {all};
    Func mean = x.stage(a, false);
    return [=](const Element &e) {
        return mean(e.d, e.part * H + e.head, unsafe_promise_clamped(e.row, 0, r - 1), e.batch);
    };
}

namespace {

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

Direct with_global(Build &x, const Attention &others, const Global &global) {
    const Dims &v = x.v;
    Func context = x.stage(others, false), out("out");
    Direct all;
    Func own = global_row(x, context, global, all.before);
    Var row("row");
    Expr other = context(v.d, v.h, max(row - global.given, 0), v.b);
    out(v.d, v.h, row, v.b) = x.stored(either(row < global.given, own(v.d, v.h, v.b), other));
    all.result = out;
    return all;
}

}  // namespace attune
