// Combiner-Logsparse, causal: token i sees itself, and what came before it as one span of tokens
// for each bit of i, in one joint softmax.
//
//     span hi       tokens [hi - 2^t, hi), t = trailing zeros of hi, 1 <= hi < L
//     t = 0         the token itself; else KP, QP = max over its tokens of k and of scale q,
//                   VP = sum over p of softmax_p(QP . k[p]) v[p]
//     row i         itself, and spans i, i less its lowest bit, ... while the number is above 0
//
// These spans are those of a Fenwick tree. Where L - 1 is a power of two the authors' code has one
// level less, so that the last row sees only itself, and so it is here. Spans of whole chunks of
// tokens are made for a head first, those that end inside a chunk with it. The rows of a block
// share the spans of its first row; the rest of their spans end inside the block. Ren et al.,
// "Combiner: Full Attention Transformer with Sparse Computation Cost", NeurIPS 2021, arXiv
// 2107.05768, section 4.1; levels as in the authors' code.
#include <stdexcept>

#include "variant.h"

namespace attune {

namespace {

Expr bits(Expr i) { return select(i > 0, 32 - cast<int>(count_leading_zeros(i)), 0); }

// Where spans are counted: tokens of a chunk, or chunks of a head.
struct Units {
    std::string name;
    int tokens;          // of a unit
    int first_level;     // of spans, as a power of two of units
    Expr count, levels;  // units, levels from the first
    Expr batch, before;  // of the first unit: batch element, tokens before it
    std::vector<Func> *made;
};

// Of the span that ends before unit e; e is that of one span only that some row sees.
struct Summaries {
    Func key, sum, total;  // key: at e - 1
};

class Spans {
public:
    explicit Spans(Build &x)
        : x(x), v(x.v), L(x.extent("L")), D(x.extent("D")), chunks((L + kChunk - 1) / kChunk) {
        Expr last = L - 1;
        quirk = (last & (last - 1)) == 0;
    }

    Attention attention() {
        const int tile = x.query_tile;
        if (tile & (tile - 1) || tile > kChunk)
            throw std::invalid_argument("combiner_logsparse: query_tile " + std::to_string(tile) +
                                        " is no power of two up to " + std::to_string(kChunk));
        spans_of_chunk();
        Attention a;
        Queries &q = a.queries;
        q.count = kChunk;
        q.stored = min(L - first, kChunk);
        q.batches = x.extent("B") * chunks;
        q.scale = scale();
        q.load = [g = *this](Expr d, Expr i) { return g.load("q", d, i); };
        q.place = [g = *this](Expr i) {
            return std::vector<Expr>{g.batch, unsafe_promise_clamped(g.first + i, 0, g.L - 1),
                                     g.v.h};
        };
        // The softmax starts with the row itself.
        Func self = own_scores();
        q.initial = [g = *this](Expr d, Expr i) { return g.load("v", d, i); };
        q.initial_lse = [self, v = v](Expr i) { return self(i, v.h, v.b); };
        a.sources = {ends(), shared()};
        a.before = before;
        a.before_line = before_line;
        a.by_head = true;
        return a;
    }

private:
    // Tokens whose spans are made together: in the cache, and those inside of them are not kept.
    static constexpr int kChunkBits = 6, kChunk = 1 << kChunkBits;

    Build &x;
    const Dims v;
    const Expr L, D, chunks;
    // A chunk of a batch element is a batch element of the attention.
    const Expr batch = unsafe_promise_clamped(v.b / chunks, 0, x.extent("B") - 1);
    const Expr chunk = v.b % chunks, first = chunk * kChunk;
    Expr quirk;
    // By span: those that end inside the chunk by end, behind them those of chunks before by level.
    Func key{"span_key"}, value{"span_value"};
    std::vector<Func> before, before_line;

    Expr levels() const { return max(bits(chunks - 1), 1); }  // of chunks
    Expr scale() const { return 1.f / sqrt(cast<float>(D)); }
    // Rows past the last token repeat it: no span that some row sees has them.
    Expr load(const char *input, Expr d, Expr i) const {
        return x.load(input, {batch, min(first + i, L - 1), v.h, d});
    }
    Expr load(const char *input, const Units &u, Expr d, Expr i) const {
        return x.load(input, {u.batch, min(u.before + i, L - 1), v.h, d});
    }

    // Maxima of spans, in place: each level adds the left half of its spans.
    Func maxima(const std::string &input, const Units &u) {
        Func f(input + "_maxima_of_" + u.name);
        Var s("span");
        if (u.tokens == 1) {
            f(v.d, s, v.h, v.b) = load(input.c_str(), u, v.d, s);
        } else {
            Halide::RDom i(0, u.tokens, input + "_over_" + u.name);
            f(v.d, s, v.h, v.b) = -INFINITY;
            f(v.d, s, v.h, v.b) =
                max(f(v.d, s, v.h, v.b), load(input.c_str(), u, v.d, s * u.tokens + i));
        }
        Halide::RDom half(0, max(u.count / 2, 1), 1, u.levels, input + "_halves_of_" + u.name);
        half.where(half.x < (u.count >> half.y));
        Expr right = ((half.x + 1) << half.y) - 1, left = right - (1 << (half.y - 1));
        right = unsafe_promise_clamped(right, 0, u.count - 1);
        left = unsafe_promise_clamped(left, 0, u.count - 1);
        f(v.d, right, v.h, v.b) = max(f(v.d, right, v.h, v.b), f(v.d, left, v.h, v.b));
        f.bound(v.d, 0, D).bound(s, 0, u.count);
        u.made->push_back(f);
        return f;
    }

    // Softmax inside each span that some row sees: a score for each token and level. Those of even
    // index are seen, if there is a row behind them.
    Summaries summaries(const Units &u) {
        const Func query = maxima("q", u);
        Summaries out;
        out.key = maxima("k", u);
        auto name = [&](const char *what) { return std::string(what) + "_of_" + u.name; };
        auto end = [](Expr unit, Expr t) { return ((unit >> t) + 1) << t; };
        auto used = [&](Expr unit, Expr t) {
            return ((unit >> t) & 1) == 0 && u.before + end(unit, t) * u.tokens < L;
        };
        auto inside = [&](Expr e) { return unsafe_promise_clamped(e, 0, u.count - 1); };
        // Neighbours in a unit, or units, are neighbours.
        auto at = [&](Expr i, Expr t, Expr unit) {
            std::vector<Expr> index{i, t, unit, v.h, v.b};
            if (u.tokens == 1) index.erase(index.begin()), std::swap(index[0], index[1]);
            return index;
        };
        Var i("i"), t("t"), unit("unit"), s("span");
        std::vector<Var> all{i, t, unit, v.h, v.b};
        if (u.tokens == 1) all = {unit, t, v.h, v.b};
        Halide::RDom m(0, u.tokens, u.first_level, u.levels, 0, u.count, name("over"));
        Halide::RDom e(0, D, 0, u.tokens, u.first_level, u.levels, 0, u.count, name("over_head"));
        m.where(used(m.z, m.y));
        e.where(used(e.w, e.z));
        Func score(name("score")), peak(name("peak")), weight(name("weight"));
        score(all) = 0.f;
        score(at(e.y, e.z, e.w)) += query(e.x, inside(end(e.w, e.z) - 1), v.h, v.b) * scale() *
                                    load("k", u, e.x, e.w * u.tokens + e.y);
        Expr to = inside(end(m.z, m.y));
        peak(s, v.h, v.b) = -INFINITY;
        peak(to, v.h, v.b) = max(peak(to, v.h, v.b), score(at(m.x, m.y, m.z)));
        weight(all) = exp(score(all) - peak(clamp(end(unit, t), 0, u.count - 1), v.h, v.b));
        out.total = Func(name("total")), out.sum = Func(name("sum"));
        out.total(s, v.h, v.b) = 0.f;
        out.total(to, v.h, v.b) += weight(at(m.x, m.y, m.z));
        out.sum(v.d, s, v.h, v.b) = 0.f;
        out.sum(v.d, to, v.h, v.b) +=
            weight(at(m.x, m.y, m.z)) * load("v", u, v.d, m.z * u.tokens + m.x);
        for (Func f : {peak, out.total, out.sum}) f.bound(s, 0, u.count);
        out.sum.bound(v.d, 0, D);
        for (Func f : {score, weight}) {
            f.bound(t, u.first_level, u.levels).bound(unit, 0, u.count);
            if (u.tokens > 1) f.bound(i, 0, u.tokens);
        }
        u.made->insert(u.made->end(), {score, peak, weight, out.total, out.sum});
        return out;
    }

    void spans_of_chunk() {
        const Summaries far = summaries({"chunks", kChunk, 0, chunks, levels(), v.b, 0, &before});
        const Summaries own =
            summaries({"tokens", 1, 1, kChunk, kChunkBits - 1, batch, first, &before_line});
        Var s("span");
        Expr level = max(s - kChunk, 0), end = (chunk >> level) << level;
        auto of = [&](Expr e, Expr count) { return clamp(e, 0, count - 1); };
        key(v.d, s, v.h, v.b) = select(s < kChunk, own.key(v.d, of(s - 1, kChunk), v.h, v.b),
                                       far.key(v.d, of(end - 1, chunks), v.h, batch));
        // Divided by the total at the end: shares that add up to 1 but for its rounding.
        Expr s_own = of(s, kChunk), s_far = of(end, chunks);
        // None ends at the chunk's first token; a masked key must be a number too.
        value(v.d, s, v.h, v.b) = select(
            s >= kChunk, far.sum(v.d, s_far, v.h, batch) * (1.f / far.total(s_far, v.h, batch)),
            s % 2 == 1 || s == 0, load("v", v.d, max(s - 1, 0)),
            own.sum(v.d, s_own, v.h, v.b) * (1.f / own.total(s_own, v.h, v.b)));
        for (Func f : {key, value}) {
            f.bound(v.d, 0, D).bound(s, 0, kChunk + levels());
            before_line.push_back(f);
        }
    }

    Func own_scores() {
        Func f("own_score");
        Var i("i");
        Halide::RDom e(0, D, "over_own");
        f(i, v.h, v.b) = 0.f;
        f(i, v.h, v.b) += load("q", e, i) * load("k", e, i) * scale();
        f.bound(i, 0, kChunk);
        before_line.push_back(f);
        return f;
    }

    Source spans(const std::string &name, const std::function<Expr(Expr)> &span) const {
        Source s;
        s.name = name;
        auto of = [span, v = v, last = kChunk + levels() - 1](const Func &f, Expr d, Expr j) {
            return Expr(f(d, unsafe_promise_clamped(span(j), 0, last), v.h, v.b));
        };
        s.key = [of, key = key](Expr d, const Key &j) { return of(key, d, j); };
        s.value = [of, value = value](Expr d, const Key &j) { return of(value, d, j); };
        return s;
    }

    // Spans that end inside the block.
    Source ends() const {
        Source s = spans("ends", [](Expr hi) { return hi; });
        s.first = x.block_first() + 1;
        s.last = x.block_last(min(L - first, kChunk)) + 1;
        s.max_keys = x.query_tile;
        s.admit = [g = *this](const std::vector<Expr> &, Expr i, Expr hi) {
            return (i & -(hi & -hi)) == hi && !(g.quirk && g.first + hi == g.L - 1);
        };
        return s;
    }

    // The spans of the block's first row, by bit.
    Source shared() const {
        int low = 0;
        while ((2 << low) <= x.query_tile) low++;
        Expr a = x.block_first(), row = first + a;
        Source s = spans("shared", [=](Expr t) {
            return select(t < kChunkBits, (a >> t) << t, kChunk + t - kChunkBits);
        });
        s.first = low;
        s.last = max(select(quirk && row == L - 1, 0, bits(row)), low);
        s.max_keys = 32;
        s.admit = [=](const std::vector<Expr> &, Expr, Expr t) { return ((row >> t) & 1) == 1; };
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
