// Transformer-LS, bidirectional: one softmax over r landmarks and a window of whole segments.
//
//     K, V        LayerNorm(k; gT, bT), LayerNorm(v; gT, bT), over the columns of all heads
//     landmark m  LayerNorm(sum over tokens n of softmax_n(s[n, m]) K[n]; gL, bL), V likewise
//     row i       sees all landmarks and keys [a - e, a + w + e), a = i / w * w, e = max(w / 2, 1)
//     CLS         is one more landmark, and attends to itself and to all results
//
// Zhu et al., "Long-Short Transformer", NeurIPS 2021, arXiv 2107.02192; as in the authors' code for
// the Long Range Arena.
#include "tls.h"

namespace attune {

namespace {

void declare(Variant &v) {
    v.input("q", "B N H D", "queries, unscaled");
    v.input("k", "B N H D", "keys before LayerNorm");
    v.input("v", "B N H D", "values before LayerNorm");
    v.input("s", "B N H rank", "landmark logits; none if r = 0", Type::F32).unread();
    v.input("keep", "B N", "1 = token, 0 = padding", Type::U8);
    v.input("gT", "Ch", "gain of the tokens' LayerNorm", Type::F32);
    v.input("bT", "Ch", "its bias", Type::F32);
    v.input("gL", "Ch", "gain of the landmarks' LayerNorm; none without landmarks", Type::F32)
        .unread();
    v.input("bL", "Ch", "its bias", Type::F32).unread();
    v.input("qc", "B H D", "query of the CLS token, unscaled").unread();
    v.input("kc", "B H D", "its key, without LayerNorm").unread();
    v.input("vc", "B H D", "its value, without LayerNorm").unread();
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

// Landmarks and tokens before their LayerNorms; the CLS token's row comes first.
Expr marks(const Build &x) { return x.attribute("r") + (x.may_have("qc") ? 1 : 0); }

Rows landmarks(Build &x, const Rows &averaged) {
    if (!x.may_have("qc")) return averaged;
    Rows cls = [&x](const Element &e) {
        auto load = [&](const char *name) { return x.load(name, {e.batch, e.head, e.d}); };
        return either(e.part == 0, load("kc"), load("vc"));
    };
    return joined(cls, 1, averaged);
}

Kept kept(const Build &x) {
    return [&x](Expr batch, Expr n) { return x.load("keep", {batch, n}) != 0; };
}

// The window's tokens.
Source near(const Build &x, const Rows &tokens) {
    Expr N = x.extent("N"), w = x.attribute("w"), segment = max(w, 1);
    // Without a window and landmarks a row sees itself.
    Expr width = select(w == 0 && x.attribute("r") == 0, 1, w);
    Expr e = select(w == 0, 0, max(w / 2, 1));
    auto begin = [=](Expr row) { return max(row / segment * segment - e, 0); };
    auto end = [=](Expr row) { return min(row / segment * segment + width + e, N); };
    Source s;
    s.name = "near";
    s.first = begin(x.block_first());
    s.last = end(x.block_last(N));
    s.max_keys = min(N, x.query_tile + 2 * (segment + e));
    s.beyond = N;
    s.by_rows = true;
    s.row = {begin, end};
    s.locate = {[=, &x](Expr n) { return select(kept(x)(x.v.b, n), n, -1); }};
    read(s, x, within(tokens, N));
    s.computed = true;
    s.admit = [](const std::vector<Expr> &r, Expr, const Key &n) {
        return n.at[0] >= r[0] && n.at[0] < r[1];
    };
    return s;
}

Attention attention(Build &x) {
    const Dims &v = x.v;
    Expr N = x.extent("N"), R = marks(x);
    Attention a;
    a.queries.count = N;
    a.queries.scale = 1.f / sqrt(cast<float>(x.extent("D")));
    a.queries.load = [=, &x](Expr d, Expr row) { return x.load("q", {v.b, row, v.h, d}); };
    a.queries.valid = [=, &x](Expr row) { return kept(x)(v.b, min(row, N - 1)); };
    Rows raw = both(x, "k", "v");
    RowNorm of_tokens = row_norm(x, "tokens", N, raw);
    Rows tokens = normed(of_tokens, raw, columns(x, "gT"), columns(x, "bT"));
    Rows long_range = landmarks(x, means(x, tokens, N, kept(x), a.before));
    RowNorm of_marks = row_norm(x, "landmarks", R, long_range);
    long_range = normed(of_marks, long_range, columns(x, "gL"), columns(x, "bL"));
    a.norms = {of_tokens, of_marks};
    long_range = laid_out(x, "marks", long_range, R, a.before);
    a.sources = {far(x, long_range, R), near(x, tokens)};
    return a;
}

Direct with_cls(Build &x) {
    if (!x.may_have("qc")) return {};
    const Dims &v = x.v;
    auto of = [&x, v](const char *name) {
        return [=, &x](Expr d) { return x.load(name, {v.b, v.h, d}); };
    };
    return with_global(x, [&] { return attention(x); },
                       {of("qc"), of("kc"), of("vc"), kept(x), 1, x.extent("N")});
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
