// Combiner-Fixed: a query sees the tokens of its own segment of M directly and every (earlier)
// segment through one summary, in one joint softmax.
//
//     summary of segment t   KP = pool over p of act(k[p]),  QP = pool over p of act(scale q[p])
//                            VP = sum over p of softmax_p(QP . k[p]) v[p]
//     causal                 row i sees tokens [t0 M, i] and summaries t < t0,  t0 = i / M
//     bidirectional          row i sees its whole segment and all L / M summaries
//
// Ren et al., "Combiner: Full Attention Transformer with Sparse Computation Cost", NeurIPS 2021,
// arXiv 2107.05768, section 4.1; act and pool as in the authors' TensorFlow code.
#include "variant.h"

namespace attune {

namespace {

void declare(Variant &v) {
    v.input("q", "B L H D", "queries, unscaled");
    v.input("k", "B L H D", "keys");
    v.input("v", "B L H D", "values");
    v.input("Wpq", "D D", "deepset map of queries", Type::F32).unread().needed("act=deepset");
    v.input("Wpk", "D D", "deepset map of keys", Type::F32).unread().needed("act=deepset");
    v.output("o", "B L H D", "result");
    v.integer("M", {}, 1, INT32_MAX, "segment length; divides L");
    v.flag("causal", {}, "only earlier tokens and segments");
    v.choice("act", {"identity", "relu", "deepset"}, 0, "applied before pooling");
    v.choice("pool", {"max", "mean", "sum"}, 0, "over the tokens of a segment");
    v.divides("M", "L");
    v.specials = {{"identity", {{"act", 0}}},
                  {"identity_any", {{"act", 0}}, false},
                  {"relu", {{"act", 1}}, false},
                  {"deepset", {{"act", 2}}, false}};
}

// Queries or keys of a segment, pooled.
Func pooled(Build &x, const std::string &name, const std::string &map, Expr scale,
            std::vector<Func> &before) {
    const Dims &v = x.v;
    Var i("i"), s("segment");
    Func act(name + "_act"), pool(name + "_pool");
    auto token = [&](Expr d, Expr i) { return x.load(name, {v.b, i, v.h, d}) * scale; };
    if (x.is("act", 0)) {
        act(v.d, i, v.h, v.b) = token(v.d, i);
    } else if (x.is("act", 1)) {
        act(v.d, i, v.h, v.b) = max(token(v.d, i), 0.f);
    } else {
        Halide::RDom e(0, x.extent("D"), name + "_over_e");
        Func mapped(name + "_mapped");
        mapped(v.d, i, v.h, v.b) = 0.f;
        mapped(v.d, i, v.h, v.b) += token(e, i) * x.load(map, {e, v.d});
        act(v.d, i, v.h, v.b) = max(mapped(v.d, i, v.h, v.b), 0.f);
        before.push_back(mapped);
    }
    Halide::RDom m(0, x.attribute("M"), name + "_over_segment");
    Expr is_max = x.attribute("pool") == 0, M = x.attribute("M");
    pool(v.d, s, v.h, v.b) = select(is_max, -INFINITY, 0.f);
    Expr old = pool(v.d, s, v.h, v.b);
    Expr next = act(v.d, unsafe_promise_clamped(s * M + m, 0, x.extent("L") - 1), v.h, v.b);
    pool(v.d, s, v.h, v.b) = select(is_max, max(old, next), old + next);
    Func mean(name + "_mean");
    Expr weight = select(x.attribute("pool") == 1, 1.f / cast<float>(M), 1.f);
    mean(v.d, s, v.h, v.b) = pool(v.d, s, v.h, v.b) * weight;
    pool.bound(v.d, 0, x.extent("D"));
    before.push_back(pool);
    before.push_back(mean);
    return mean;
}

Attention algorithm(Build &x) {
    const Dims &v = x.v;
    Expr L = x.extent("L"), M = x.attribute("M"), n = L / M, D = x.extent("D");
    Expr causal = x.attribute("causal") == 1, scale = 1.f / sqrt(cast<float>(D));
    auto token = [&x, v](const char *name, Expr d, Expr i) {
        return x.load(name, {v.b, i, v.h, d});
    };
    // Summaries. The inner softmax covers the whole segment, in causal mode too: only later
    // segments see it.
    Var p("p"), s("segment");
    Halide::RDom m(0, M, "over_tokens"), e(0, D, "over_head");
    std::vector<Func> before;
    Func query = pooled(x, "q", "Wpq", scale, before), key = pooled(x, "k", "Wpk", 1.f, before);
    Func score("summary_score"), peak("summary_peak"), total("summary_total");
    Func value("summary_value"), weight("summary_weight"), share("summary_share");
    score(p, s, v.h, v.b) = 0.f;
    score(p, s, v.h, v.b) += query(e, s, v.h, v.b) * token("k", e, s * M + p);
    peak(s, v.h, v.b) = -INFINITY;
    peak(s, v.h, v.b) = max(peak(s, v.h, v.b), score(m, s, v.h, v.b));
    weight(p, s, v.h, v.b) = exp(score(p, s, v.h, v.b) - peak(s, v.h, v.b));
    total(s, v.h, v.b) = 0.f;
    total(s, v.h, v.b) += weight(m, s, v.h, v.b);
    share(p, s, v.h, v.b) = weight(p, s, v.h, v.b) / total(s, v.h, v.b);
    value(v.d, s, v.h, v.b) = 0.f;
    value(v.d, s, v.h, v.b) += share(m, s, v.h, v.b) * token("v", v.d, s * M + m);
    before.insert(before.end(), {score, peak, weight, total, share, value});
    // All of them, also where a causal call needs none: Halide's OpenCL runtime aborts on a buffer
    // of no elements.
    for (Func f : {query, key, score, peak, weight, total, share, value}) f.bound(s, 0, n);
    value.bound(v.d, 0, D);

    Expr first = x.block_first() / M * M, last = x.block_last(L);
    Source own;
    own.name = "own";
    own.first = first;
    own.last = select(causal, last + 1, min((last / M + 1) * M, L));
    own.max_keys = min(L, x.query_tile + 2 * M);
    own.key = [=](Expr d, Expr j) { return token("k", d, j); };
    own.value = [=](Expr d, Expr j) { return token("v", d, j); };
    own.row = {[=](Expr i) { return i / M * M; },
               [=](Expr i) { return select(causal, i + 1, (i / M + 1) * M); }};
    own.admit = [](const std::vector<Expr> &r, Expr, Expr j) { return j >= r[0] && j < r[1]; };

    Source summaries;
    summaries.name = "summaries";
    summaries.first = 0;
    summaries.last = select(causal, last / M, n);
    summaries.max_keys = n;
    auto segment = [=](Expr t) { return unsafe_promise_clamped(t, 0, n - 1); };
    summaries.key = [=](Expr d, Expr t) { return key(d, segment(t), v.h, v.b); };
    summaries.value = [=](Expr d, Expr t) { return value(d, segment(t), v.h, v.b); };
    summaries.row = {[=](Expr i) { return select(causal, i / M, n); }};
    summaries.admit = [](const std::vector<Expr> &r, Expr, Expr t) { return t < r[0]; };

    Attention a;
    a.queries.count = L;
    a.queries.scale = scale;
    a.queries.load = [=](Expr d, Expr row) { return token("q", d, row); };
    a.sources = {own, summaries};
    a.before = before;
    a.by_head = true;
    return a;
}

// Pairs of the joint softmax and of the summaries' own softmax, 4 D floating point operations each.
Cost work(Build &x) {
    auto real = [](Expr e) { return cast<double>(e); };
    Expr L = real(x.extent("L")), M = real(x.attribute("M")), n = L / M, D = real(x.extent("D"));
    Expr causal = n * M * (M + 1) / 2 + M * n * (n - 1) / 2, both = L * M + L * n;
    Expr heads = real(x.extent("B")) * real(x.extent("H"));
    Cost c;
    c.pairs = heads * (select(x.attribute("causal") == 1, causal, both) + L);
    c.flops = 4 * D * c.pairs;
    c.bytes = 4 * x.element_bytes() * heads * L * D;
    return c;
}

}  // namespace

ATTUNE_VARIANT(combiner_fixed) {
    Variant v("combiner_fixed", "own segment of M tokens and one summary a segment",
              "Ren et al. 2021, arXiv 2107.05768, section 4.1");
    declare(v);
    v.build = algorithm;
    v.cost = work;
    v.shape("combiner_fixed_2048", "B=1 L=2048 H=12 D=64 M=128 causal=1", "0213");
    v.shape("combiner_fixed_8192", "B=1 L=8192 H=12 D=64 M=128 causal=1", "0213");
    return v;
}

}  // namespace attune
