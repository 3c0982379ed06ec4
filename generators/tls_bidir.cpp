// Transformer-LS, bidirectional: one softmax over r landmarks and a window of whole segments.
//
//     K, V        LayerNorm(k; gT, bT), LayerNorm(v; gT, bT), over the columns of all heads
//     landmark m  LayerNorm(sum over tokens n of softmax_n(s[n, m]) K[n]; gL, bL), V likewise
//     row i       sees all landmarks and keys [a - e, a + w + e), a = i / w * w, e = max(w / 2, 1)
//     CLS         is one more landmark, and attends to itself and to all results
//
// Zhu et al., "Long-Short Transformer", NeurIPS 2021, arXiv 2107.02192; as in the authors' code for
// the Long Range Arena.
#include "row_norm.h"

namespace attune {

namespace {

void declare(Variant &v) {
    v.input("q", "B N H D", "queries, unscaled");
    v.input("k", "B N H D", "keys before LayerNorm");
    v.input("v", "B N H D", "values before LayerNorm");
    v.input("s", "B N H rank", "landmark logits; none if r = 0", Type::F32).optional(0);
    v.input("keep", "B N", "1 = token, 0 = padding", Type::U8);
    v.input("gT", "Ch", "gain of the tokens' LayerNorm", Type::F32);
    v.input("bT", "Ch", "its bias", Type::F32);
    v.input("gL", "Ch", "gain of the landmarks' LayerNorm; none without landmarks", Type::F32)
        .optional(0);
    v.input("bL", "Ch", "its bias", Type::F32).optional(0);
    v.input("qc", "B H D", "query of the CLS token, unscaled").optional(0);
    v.input("kc", "B H D", "its key, without LayerNorm").optional(0);
    v.input("vc", "B H D", "its value, without LayerNorm").optional(0);
    v.output("out", "B rows H D", "result; the CLS token's first");
    v.integer("w", {}, 0, 1 << 28, "tokens of a window's segment; divides N; 0: no window");
    v.integer("r", {}, 0, 1 << 28, "number of landmarks");
    const Value cls = given("qc"), marks = Value("r") + cls > 0;
    v.extent("Ch", Value("H") * "D");
    v.extent("rows", Value("N") + cls);
    v.require(Value("w") == 0 || Value("N") % "w" == 0, "w divides N");
    v.require(given("kc") == cls && given("vc") == cls, "qc, kc and vc are given together");
    v.require(given("s") == (Value("r") > 0), "s is given exactly if r > 0");
    v.require(!given("s") || Value("rank") == "r", "s has r logits a head");
    v.require(given("gL") == marks && given("bL") == marks,
              "gL and bL are given exactly if there are landmarks or a CLS token");
    v.require(Value("w") > 0 || marks, "w, r and the CLS token are not all absent");
    v.specials = {{"plain", {}, true, {"qc", "kc", "vc"}, false},
                  {"any", {}, false, {"qc", "kc", "vc"}, false},
                  {"cls", {}, false, {}, false}};
}

Expr element(const Build &x, const char *name, Expr d, Expr h) {
    return x.load(name, {h * x.extent("D") + d});
}

// Tokens after their LayerNorm.
struct Tokens {
    RowNorm keys, values;
    std::function<Expr(Expr d, const Key &j)> key, value;
};

Tokens tokens(Build &x) {
    const Dims &v = x.v;
    Tokens t;
    Expr N = x.extent("N");
    auto make = [&x, v, N](const char *name, RowNorm &norm) {
        auto load = [=, &x](Expr d, Expr h, Expr j) { return x.load(name, {v.b, j, h, d}); };
        norm = row_norm(x, name, N, load);
        return [=, &x](Expr d, const Key &key) {
            Expr j = unsafe_promise_clamped(key.index, 0, N - 1);
            return normed(x, norm, load(d, v.h, j), j, element(x, "gT", d, v.h),
                          element(x, "bT", d, v.h));
        };
    };
    t.key = make("k", t.keys);
    t.value = make("v", t.values);
    return t;
}

// The landmarks' K or V before their LayerNorm: a softmax whose scores are given.
Func average(Build &x, const std::string &name, std::function<Expr(Expr, const Key &)> row) {
    const Dims &v = x.v;
    Attention a;
    a.head = 1;
    a.queries.count = x.attribute("r");
    a.queries.scale = 1.f;
    a.queries.load = [](Expr, Expr) { return Expr(0.f); };
    Source all;
    all.name = name;
    all.first = 0;
    all.last = all.max_keys = x.extent("N");
    all.key = [](Expr, const Key &) { return Expr(0.f); };
    all.value = row;
    all.score = [=, &x](Expr, Expr m, Expr n) { return x.load("s", {v.b, n, v.h, m}); };
    all.admit = [=, &x](const std::vector<Expr> &, Expr, Expr n) {
        return x.load("keep", {v.b, n}) != 0;
    };
    all.computed = true;
    a.sources = {all};
    return x.stage(a, false);
}

Expr marks(const Build &x) { return x.attribute("r") + (x.may_have("qc") ? 1 : 0); }

// K or V of the landmarks, the CLS token's first; `cls` is its row.
std::function<Expr(Expr, const Key &)> landmarks(Build &x, const char *cls, Func averaged,
                                                 RowNorm &norm) {
    const Dims &v = x.v;
    const int first = x.may_have(cls) ? 1 : 0;
    auto load = [=, &x](Expr d, Expr h, Expr m) {
        Expr mean = averaged(d, h, max(m - first, 0), v.b);
        return first ? select(m < first, x.load(cls, {v.b, h, d}), mean) : mean;
    };
    Expr count = marks(x);
    norm = row_norm(x, std::string("landmark_") + cls, count, load);
    return [=, &x](Expr d, const Key &key) {
        Expr m = unsafe_promise_clamped(key.index, 0, count - 1);
        return normed(x, norm, load(d, v.h, m), m, element(x, "gL", d, v.h),
                      element(x, "bL", d, v.h));
    };
}

Source window(Build &x, const Tokens &t) {
    const Dims &v = x.v;
    Expr N = x.extent("N"), w = x.attribute("w"), segment = max(w, 1);
    // Without a window and landmarks a row sees itself.
    Expr width = select(w == 0 && x.attribute("r") == 0, 1, w);
    Expr e = select(w == 0, 0, max(w / 2, 1));
    auto first = [=](Expr row) { return row / segment * segment - e; };
    auto last = [=](Expr row) { return row / segment * segment + width + e; };
    Source s;
    s.name = "window";
    s.first = max(first(x.block_first()), 0);
    s.last = min(last(x.block_last(N)), N);
    s.max_keys = min(N, x.query_tile + 2 * (segment + e));
    s.key = t.key;
    s.value = t.value;
    s.computed = true;
    s.row = {first, last};
    s.admit = [=, &x](const std::vector<Expr> &r, Expr, Expr j) {
        return j >= r[0] && j < r[1] && x.load("keep", {v.b, j}) != 0;
    };
    return s;
}

Attention attention(Build &x) {
    const Dims &v = x.v;
    Expr N = x.extent("N");
    Tokens t = tokens(x);
    Attention a;
    a.queries.count = N;
    a.queries.scale = 1.f / sqrt(cast<float>(x.extent("D")));
    a.queries.load = [=, &x](Expr d, Expr row) { return x.load("q", {v.b, row, v.h, d}); };
    a.queries.valid = [=, &x](Expr row) { return x.load("keep", {v.b, min(row, N - 1)}) != 0; };
    RowNorm keys, values;
    Source long_range;
    long_range.name = "landmarks";
    long_range.key = landmarks(x, "kc", average(x, "mean_keys", t.key), keys);
    long_range.value = landmarks(x, "vc", average(x, "mean_values", t.value), values);
    long_range.first = 0;
    long_range.last = long_range.max_keys = marks(x);
    long_range.computed = true;
    a.norms = {t.keys, t.values, keys, values};
    a.sources = {long_range, window(x, t)};
    return a;
}

// The CLS token attends to itself and to the results: a softmax of one row, as whole tensors.
Func cls_row(Build &x, Func context, std::vector<Func> &before) {
    const Dims &v = x.v;
    Expr N = x.extent("N"), D = x.extent("D");
    Func query("cls_query"), own("cls_own"), score("cls_score"), peak("cls_peak");
    Func weight("cls_weight"), total("cls_total"), sum("cls_sum"), cls("cls");
    Var n("n");
    Halide::RDom d(0, D, "cls_over_head"), m(0, N, "cls_over_tokens");
    query(v.d, v.h, v.b) = x.load("qc", {v.b, v.h, v.d}) / sqrt(cast<float>(D));
    own(v.h, v.b) = 0.f;
    own(v.h, v.b) += query(d, v.h, v.b) * x.load("kc", {v.b, v.h, d});
    score(n, v.h, v.b) = 0.f;
    score(n, v.h, v.b) += query(d, v.h, v.b) * context(d, v.h, n, v.b);
    Expr kept = x.load("keep", {v.b, m}) != 0;
    peak(v.h, v.b) = own(v.h, v.b);
    peak(v.h, v.b) = select(kept, max(peak(v.h, v.b), score(m, v.h, v.b)), peak(v.h, v.b));
    Expr top = peak(v.h, v.b), self = exp(own(v.h, v.b) - top);
    weight(n, v.h, v.b) =
        select(x.load("keep", {v.b, n}) != 0, exp(min(score(n, v.h, v.b) - top, 0.f)), 0.f);
    total(v.h, v.b) = self;
    total(v.h, v.b) += weight(m, v.h, v.b);
    sum(v.d, v.h, v.b) = self * x.load("vc", {v.b, v.h, v.d});
    sum(v.d, v.h, v.b) += weight(m, v.h, v.b) * context(v.d, v.h, m, v.b);
    cls(v.d, v.h, v.b) = sum(v.d, v.h, v.b) / total(v.h, v.b);
    before.insert(before.end(), {query, own, score, peak, weight, total, sum, cls});
    return cls;
}

Direct with_cls(Build &x) {
    if (!x.may_have("qc")) return {};
    const Dims &v = x.v;
    Func context = x.stage(attention(x), false), out("out");
    Direct all;
    Func cls = cls_row(x, context, all.before);
    Var row("row");
    Expr o = select(row == 0, cls(v.d, v.h, v.b), context(v.d, v.h, max(row - 1, 0), v.b));
    out(v.d, v.h, row, v.b) = x.stored(o);
    all.result = out;
    return all;
}

// Without the CLS token: 2 N + 1 pairs more a head, which a cost formula cannot know of.
Cost work(Build &x) {
    auto real = [](Expr e) { return cast<double>(e); };
    Expr N = real(x.extent("N")), w = real(x.attribute("w")), r = real(x.attribute("r"));
    Expr e = select(w > 0, max(floor(w / 2), 1), 0), pairs = N * (w + 2 * e) - 2 * e * w;
    Expr B = real(x.extent("B")), H = real(x.extent("H")), D = real(x.extent("D"));
    pairs = select(w == 0 && r == 0, N, pairs);
    Cost c;
    c.pairs = B * H * (N * r + N * r + pairs);
    c.flops = 4 * D * c.pairs;
    c.bytes = B * (x.element_bytes() * 4 * N * H * D + 4 * N * H * r + N) + 16 * H * D;
    return c;
}

}  // namespace

ATTUNE_VARIANT(tls_bidir) {
    Variant v("tls_bidir", "landmarks and a window of segments in one softmax, bidirectional",
              "Zhu et al. 2021, arXiv 2107.02192");
    declare(v);
    v.build = attention;
    v.direct = with_cls;
    v.cost = work;
    v.shape("tls_bidir_w128_r32", "B=1 N=4096 H=8 D=64 w=128 r=32 s gL bL rank=32");
    v.shape("tls_bidir_lra_text", "B=1 N=4096 H=2 D=32 w=8 r=32 s gL bL rank=32");
    return v;
}

}  // namespace attune
