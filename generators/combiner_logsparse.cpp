// Combiner-Logsparse, causal: token i sees itself, and what came before it as one span of tokens
// for each bit of i, in one joint softmax.
//
//     span hi       tokens [hi - 2^t, hi), t = trailing zeros of hi, 1 <= hi < L
//     t = 0         the token itself; else KP, QP = max over its tokens of k and of scale q,
//                   VP = sum over p of softmax_p(QP . k[p]) v[p]
//     row i         itself, and spans i, i less its lowest bit, ... while the number is above 0
//
// These spans are those of a Fenwick tree. Where L - 1 is a power of two the authors' code has one
// level less, so that the last row sees only itself, and so it is here. The rows of a block share
// the spans of its first row; the rest of their spans end inside the block. Ren et al., "Combiner:
// Full Attention Transformer with Sparse Computation Cost", NeurIPS 2021, arXiv 2107.05768,
// section 4.1; levels as in the authors' code.
#include <stdexcept>

#include "variant.h"

namespace attune {

namespace {

Expr bits(Expr i) { return select(i > 0, 32 - cast<int>(count_leading_zeros(i)), 0); }

class Spans {
public:
    explicit Spans(Build &x) : x(x), v(x.v), L(x.extent("L")), D(x.extent("D")) {
        Expr last = L - 1;
        quirk = (last & (last - 1)) == 0;
        key = maxima("k");
        query = maxima("q");
        values();
    }

    Attention attention() {
        const int tile = x.query_tile;
        if (tile & (tile - 1))
            throw std::invalid_argument("combiner_logsparse: query_tile is no power of two");
        Attention a;
        a.queries.count = L;
        a.queries.scale = scale();
        a.queries.load = [=, x = &x, v = v](Expr d, Expr i) {
            return x->load("q", {v.b, i, v.h, d});
        };
        // The softmax starts with the row itself.
        Func self = own_scores();
        a.queries.initial = [=, x = &x, v = v](Expr d, Expr i) {
            return x->load("v", {v.b, i, v.h, d});
        };
        a.queries.initial_lse = [=, v = v, L = L](Expr i) {
            return self(unsafe_promise_clamped(i, 0, L - 1), v.h, v.b);
        };
        a.sources = {ends(), shared()};
        a.before = before;
        a.by_head = true;
        return a;
    }

private:
    Build &x;
    const Dims v;
    const Expr L, D;
    Expr quirk;
    Func key, query, value;  // of span hi at hi - 1, at hi - 1, and at hi
    std::vector<Func> before;

    // Tokens whose levels are all visited before the next: a pass over a head for each level leaves
    // the caches from 4096 tokens on.
    static constexpr int kChunkBits = 6, kChunk = 1 << kChunkBits;
    Expr chunks() const { return (L + kChunk - 1) / kChunk; }

    Expr scale() const { return 1.f / sqrt(cast<float>(D)); }
    Expr inside(Expr i) const { return unsafe_promise_clamped(i, 0, L - 1); }

    // Maxima of all spans, in place: each level adds the left half of its spans, inside each chunk
    // first.
    Func maxima(const std::string &input) {
        Func f(input + "_maxima");
        Var i("i");
        f(v.d, i, v.h, v.b) = x.load(input, {v.b, i, v.h, v.d});
        auto add_left_halves = [&](Expr span, Expr level) {
            Expr right = ((span + 1) << level) - 1, left = right - (1 << (level - 1));
            Expr old = f(v.d, inside(right), v.h, v.b);
            f(v.d, inside(right), v.h, v.b) = max(old, f(v.d, inside(left), v.h, v.b));
        };
        Halide::RDom in(0, kChunk / 2, 1, kChunkBits, 0, chunks(), input + "_in_chunk");
        Expr span = in.z * (kChunk >> in.y) + in.x;
        in.where(in.x < (kChunk >> in.y) && span < (L >> in.y));
        add_left_halves(span, in.y);
        Halide::RDom s(0, max(L >> (kChunkBits + 1), 1), kChunkBits + 1, 30 - kChunkBits,
                       input + "_over_spans");
        s.where(s.x < (L >> s.y));
        add_left_halves(s.x, s.y);
        before.push_back(f);
        return f;
    }

    // Of level t, where token p lies: used if some row sees it, which are those of even index. It
    // ends after p, so that no p past the last token is in one.
    Expr span(Expr p, Expr t) const { return ((p >> t) + 1) << t; }
    Expr used(Expr p, Expr t) const { return ((p >> t) & 1) == 0 && span(p, t) < L; }

    // Softmax inside each span: a score for each token and level.
    void values() {
        Var p("p"), t("t"), s("span");
        Expr levels = max(bits(L - 1), 2);
        Halide::RDom m(0, kChunk, 1, levels - 1, 0, chunks(), "over_tokens");
        Halide::RDom e(0, D, 0, kChunk, 1, levels - 1, 0, chunks(), "over_head");
        Expr token = m.z * kChunk + m.x, token_of_e = e.w * kChunk + e.y;
        m.where(used(token, m.y));
        e.where(used(token_of_e, e.z));
        Func score("span_score"), peak("span_peak"), weight("span_weight"), total("span_total");
        Expr of = inside(span(token_of_e, e.z) - 1), to = inside(span(token, m.y));
        token = inside(token);
        score(p, t, v.h, v.b) = 0.f;
        score(token_of_e, e.z, v.h, v.b) +=
            query(e.x, of, v.h, v.b) * scale() * x.load("k", {v.b, inside(token_of_e), v.h, e.x});
        peak(s, v.h, v.b) = -INFINITY;
        peak(to, v.h, v.b) = max(peak(to, v.h, v.b), score(token, m.y, v.h, v.b));
        weight(p, t, v.h, v.b) =
            exp(score(p, t, v.h, v.b) - peak(inside(min(span(p, t), L - 1)), v.h, v.b));
        total(s, v.h, v.b) = 0.f;
        total(to, v.h, v.b) += weight(token, m.y, v.h, v.b);
        // Divided by the total at the end: shares that add up to 1 but for its rounding.
        Func sum("span_sum");
        sum(v.d, s, v.h, v.b) = 0.f;
        sum(v.d, to, v.h, v.b) +=
            weight(token, m.y, v.h, v.b) * x.load("v", {v.b, token, v.h, v.d});
        value = Func("span_value");
        value(v.d, s, v.h, v.b) = select(s % 2 == 1, x.load("v", {v.b, max(s - 1, 0), v.h, v.d}),
                                         sum(v.d, s, v.h, v.b) * (1.f / total(s, v.h, v.b)));
        // Of whole chunks: a clamped place of a sum is not found to be one, and is added to element
        // by element.
        score.bound(p, 0, chunks() * kChunk).bound(t, 1, levels - 1);
        weight.bound(p, 0, L).bound(t, 1, levels - 1);
        for (Func f : {peak, total, sum, value}) f.bound(s, 0, L);
        before.insert(before.end(), {score, peak, weight, total, sum, value});
    }

    Func own_scores() {
        Func f("own_score");
        Var i("i");
        Halide::RDom e(0, D, "over_own");
        f(i, v.h, v.b) = 0.f;
        f(i, v.h, v.b) += x.load("q", {v.b, i, v.h, e}) * x.load("k", {v.b, i, v.h, e}) * scale();
        before.push_back(f);
        return f;
    }

    Source spans(const std::string &name, const std::function<Expr(Expr)> &end) const {
        Source s;
        s.name = name;
        s.key = [=, g = *this](Expr d, const Key &j) {
            return g.key(d, g.inside(end(j) - 1), g.v.h, g.v.b);
        };
        s.value = [=, g = *this](Expr d, const Key &j) {
            return g.value(d, g.inside(end(j)), g.v.h, g.v.b);
        };
        return s;
    }

    // Spans that end inside the block.
    Source ends() const {
        Source s = spans("ends", [](Expr hi) { return hi; });
        s.first = x.block_first() + 1;
        s.last = x.block_last(L) + 1;
        s.max_keys = x.query_tile;
        s.admit = [g = *this](const std::vector<Expr> &, Expr i, Expr hi) {
            return (i & -(hi & -hi)) == hi && !(g.quirk && hi == g.L - 1);
        };
        return s;
    }

    // The spans of the block's first row, by bit.
    Source shared() const {
        int low = 0;
        while ((2 << low) <= x.query_tile) low++;
        Expr a = x.block_first();
        Source s = spans("shared", [=](Expr t) { return (a >> t) << t; });
        s.first = low;
        s.last = max(select(quirk && a == L - 1, 0, bits(a)), low);
        s.max_keys = 32;
        s.admit = [=](const std::vector<Expr> &, Expr, Expr t) { return ((a >> t) & 1) == 1; };
        return s;
    }
};

// Pairs of the joint softmax and of the spans that some row sees, without those of one token.
Cost work(Build &x) {
    auto real = [](Expr e) { return cast<double>(e); };
    Expr L = x.extent("L"), last = L - 1, quirk = (last & (last - 1)) == 0;
    Halide::RDom i(0, L, "row"), t(1, 30, "level");
    Func joint("joint"), inside("inside");
    joint() = cast<double>(0);
    joint() += real(1 + select(quirk && i == last, 0, cast<int>(popcount(i))));
    inside() = cast<double>(0);
    inside() += real(((last >> t) + 1) / 2) * real(1 << t);
    for (Func f : {joint, inside}) f.compute_root();
    Expr heads = real(x.extent("B")) * real(x.extent("H")), D = real(x.extent("D"));
    Cost c;
    c.pairs = heads * (joint() + inside() - select(quirk, real(last), 0));
    c.flops = 4 * D * c.pairs;
    c.bytes = 4 * x.element_bytes() * heads * real(L) * D;
    return c;
}

}  // namespace

ATTUNE_VARIANT(combiner_logsparse) {
    Variant v("combiner_logsparse",
              "itself and one span of earlier tokens for each bit of its index",
              "Ren et al. 2021, arXiv 2107.05768, section 4.1");
    v.input("q", "B L H D", "queries, unscaled");
    v.input("k", "B L H D", "keys");
    v.input("v", "B L H D", "values");
    v.output("o", "B L H D", "result");
    v.require(Value("L") >= 3, "L is at least 3");
    const bool cpu = false;  // no kernels for GPUs
    v.specials = {{"heads", {}}, {"any", {}, false, {}, cpu}};
    v.build = [](Build &x) { return Spans(x).attention(); };
    v.cost = work;
    v.shape("combiner_logsparse_2048", "B=1 L=2048 H=12 D=64", "0213");
    return v;
}

}  // namespace attune
