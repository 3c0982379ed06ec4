// Transformer-LS, causal: one softmax over the W latest positions and r landmarks of every earlier
// chunk of S positions, of a block of M positions and of a cache before it.
//
//     rows        [kcache; landmarks of the block's chunks] after LayerNorm(gP, bP), then kw after
//                 LayerNorm(gW, bW); V likewise. Landmark m of a chunk is the mean of its rows of
//                 kw with weights softmax over the chunk of s[., m]
//     t           q[i] / sqrt(D)
//     landmark c  t . K + t . Rc[nc - n + c] for c < n, n those of chunks before i's own
//     tap j       (t + uw) . K + (t + ur) . Rw[j], K of position i - W + 1 + j
//
// tls_causal_step is the same for a run of tokens that need not fill its last chunk, whose
// landmarks no row of the block sees in either case. One token sees all of the cache and of the
// window, each key at one place: nothing is laid out, and both products are one sum.
//
// Zhu et al., "Long-Short Transformer", NeurIPS 2021, arXiv 2107.02192; as in the authors' code.
#include "tls.h"

namespace attune {

namespace {

void declare(Variant &v, const Value &chunks) {
    v.input("q", "B M H D", "queries, unscaled");
    v.input("kw", "B rows H D", "keys of the W positions before the block and of the block");
    v.input("vw", "B rows H D", "their values");
    v.input("kcache", "B cached H D", "keys of the cache's landmarks, before LayerNorm");
    v.input("vcache", "B cached H D", "their values");
    v.input("s", "B M H rank", "landmark logits of the block", Type::F32);
    v.input("Rw", "taps H D", "row j for the key W - 1 - j positions ago");
    v.input("Rc", "nc H D", "row p for the landmark that nc - 1 - p others follow");
    v.input("uw", "H D", "added to t where it meets a key of the window", Type::F32);
    v.input("ur", "H D", "added to t where it meets a row of Rw", Type::F32);
    v.input("gW", "Ch", "gain of the window's LayerNorm", Type::F32);
    v.input("bW", "Ch", "its bias", Type::F32);
    v.input("gP", "Ch", "gain of the landmarks' LayerNorm", Type::F32);
    v.input("bP", "Ch", "its bias", Type::F32);
    v.output("out", "B M H D", "result");
    v.integer("S", {}, 1, 1 << 28, "positions of a chunk");
    v.integer("r", {}, 1, 1 << 28, "landmarks of a chunk");
    v.integer("W", {}, 1, 1 << 28, "positions of the window, a row's own included");
    v.extent("Ch", Value("H") * "D");
    v.extent("taps", "W");
    v.extent("rank", "r");
    v.extent("rows", Value("W") + "M");
    v.extent("nc", Value("cached") + chunks * "r");
    v.require(Value("cached") % "r" == 0, "kcache has r landmarks a chunk");
    v.specials = {{"d64", {}, false, {}, false, {{"D", 64}}}, {"any", {}, false, {}, false}};
}

class Causal {
public:
    explicit Causal(Build &x)
        : x(x),
          v(x.v),
          H(x.extent("H")),
          D(x.extent("D")),
          M(x.extent("M")),
          S(x.attribute("S")),
          r(x.attribute("r")),
          W(x.attribute("W")),
          cached(x.extent("cached")),
          nc(x.extent("nc")),
          marks(cached + max(M - 1, 0) / S * r),
          first(x.block_first()),
          seen(visible(x.block_last(M))) {}

    Attention attention() {
        Attention a;
        a.queries = queries();
        Rows means = landmarks(a), raw = both(x, "kw", "vw");
        RowNorm of_marks = row_norm(x, "landmarks", marks, means);
        RowNorm of_tokens = row_norm(x, "tokens", W + M, raw);
        Rows far = normed(of_marks, means, columns(x, "gP"), columns(x, "bP"));
        Rows tokens = normed(of_tokens, raw, columns(x, "gW"), columns(x, "bW"));
        a.norms = {of_marks, of_tokens};
        far = laid_out(x, "marks", far, marks, a.before);
        places(a);
        a.sources = {landmarks_of(far), window(a, tokens)};
        return a;
    }

    Attention of_one_row() {
        Rows cache = both(x, "kcache", "vcache"), raw = both(x, "kw", "vw");
        RowNorm of_marks = row_norm(x, "landmarks", cached, cache);
        RowNorm of_tokens = row_norm(x, "tokens", W + 1, raw);
        Attention a;
        a.queries = queries();
        a.norms = {of_marks, of_tokens};
        auto place = [x = &x, h = v.h](const std::string &table, Expr at, Expr d) {
            return x->load(table, {at, h, d});
        };
        Source far, near;
        far.name = "far";
        far.first = 0;
        far.last = far.max_keys = cached;
        read(far, x, normed(of_marks, cache, columns(x, "gP"), columns(x, "bP")));
        far.product = [=, *this](Expr query, Expr element, Expr d, const Key &k) {
            return query * (element + place("Rc", nc - cached + k.index, d));
        };
        near.name = "near";
        near.first = 1;
        near.last = W + 1;
        near.max_keys = W;
        read(near, x, normed(of_tokens, raw, columns(x, "gW"), columns(x, "bW")));
        near.product = [=, *this](Expr query, Expr element, Expr d, const Key &k) {
            auto plus = [&](const std::string &more) { return query + x.load(more, {v.h, d}); };
            return plus("uw") * element + plus("ur") * place("Rw", k.index - 1, d);
        };
        far.computed = near.computed = true;
        a.sources = {far, near};
        return a;
    }

private:
    Build &x;
    const Dims v;
    const Expr H, D, M, S, r, W, cached, nc;
    const Expr marks;  // landmarks that any row sees
    const Expr first;  // of the block's rows
    const Expr seen;   // landmarks that its last one sees
    Func table{"places"}, own{"place_own"};  // rows of Rc, then of Rw; what ur adds to a row of Rw

    Queries queries() const {
        Queries q;
        q.count = M;
        q.scale = 1.f / sqrt(cast<float>(D));
        q.load = [x = &x, b = v.b, h = v.h](Expr d, Expr row) {
            return x->load("q", {b, row, h, d});
        };
        return q;
    }

    Expr visible(Expr row) const { return cached + row / S * r; }

    // Landmarks before their LayerNorm; those of the block go to `before`.
    Rows landmarks(Attention &a) const {
        Var m("m");
        Halide::RDom all(0, S, "over_chunk");
        Func sum("mark_sum");
        auto logit = [&](Expr i, Var m) { return x.load("s", {v.b, m / r * S + i, v.h, m % r}); };
        auto [weight, total] = weights(x, "mark", all, -INFINITY, logit, a.before);
        Expr head = v.h % H, row = W + m / r * S + all;
        sum(v.d, m, v.h, v.b) = 0.f;
        sum(v.d, m, v.h, v.b) +=
            weight(all, m, head, v.b) * both(x, "kw", "vw")({v.d, v.h / H, head, row, v.b});
        a.before.push_back(sum);
        Rows mean = [=, *this, total = total](const Element &e) {
            Expr m = unsafe_promise_clamped(e.row, 0, marks - cached - 1);
            return sum(e.d, m, e.part * H + e.head, e.batch) / total(m, e.head, e.batch);
        };
        return joined(both(x, "kcache", "vcache"), cached, mean);
    }

    // Widened once, unless products are those of bf16.
    Storage held() const {
        return x.storage.bf16_pairs ? x.storage : Storage{Halide::Float(32), false};
    }

    void places(Attention &a) const {
        Var t("t");
        Func table = this->table, own = this->own;
        Halide::RDom d(0, D, "over_place");
        Expr near = t - nc, element = either(near < 0, x.load("Rc", {t, v.h, v.d}),
                                             x.load("Rw", {near, v.h, v.d}));
        table(v.d, t, v.h, v.b) = narrow(element, held());
        table.bound(v.d, 0, D).bound(t, 0, nc + W);
        own(t, v.h, v.b) = 0.f;
        own(t, v.h, v.b) += x.load("ur", {v.h, d}) * x.load("Rw", {t, v.h, d});
        own.bound(t, 0, W);
        a.before.insert(a.before.end(), {table, own});
    }

    // What a query adds for where a key is. Places that no row of the block has repeat the
    // outermost ones.
    Relative relative(Expr first, Expr last, int margin) const {
        Relative p;
        p.first = first;
        p.last = last;
        p.margin = margin;
        p.load = [=, *this](Expr d, Expr t) {
            return widen(table(d, clamp(t, 0, nc + W - 1), v.h, 0), held());
        };
        return p;
    }

    // Read as they are laid out.
    Source landmarks_of(const Rows &rows) const {
        Source s;
        s.name = "far";
        s.first = 0;
        s.last = seen;
        s.max_keys = marks;
        s.by_rows = true;
        s.row = {[=, *this](Expr row) { return visible(row); }};
        read(s, x, rows);
        s.admit = [](const std::vector<Expr> &n, Expr, const Key &k) { return k < n[0]; };
        s.relative = relative(nc - max(seen, 1), nc, 0);
        s.relative.index = [nc = nc](const std::vector<Expr> &n, Expr, const Key &k) {
            return nc - n[0] + k;
        };
        s.relative.alike = [S = S](int rows) { return S % rows == 0; };
        return s;
    }

    // Row i of the block sees positions i + 1 to i + W of kw and vw.
    Source window(Attention &a, const Rows &tokens) const {
        Func content("content_own");
        Halide::RDom d(0, D, "over_content");
        Var at("at");
        content(at, v.h, v.b) = 0.f;
        content(at, v.h, v.b) += x.load("uw", {v.h, d}) * tokens({d, 0, v.h, at, v.b});
        content.bound(at, 0, W + M);
        a.before.push_back(content);
        Source s;
        s.name = "near";
        s.first = first + 1;
        s.last = x.block_last(M) + W + 1;
        s.max_keys = x.query_tile + W;
        s.by_rows = true;
        read(s, x, within(tokens, W + M));
        s.computed = true;
        s.admit = [W = W](const std::vector<Expr> &, Expr row, const Key &k) {
            return k > row && k <= row + W;
        };
        s.score = [=, *this](Expr score, Expr, const Key &k) {
            return score + content(unsafe_promise_clamped(k, 0, W + M - 1), v.h, v.b);
        };
        const int tile = x.query_tile;
        s.relative = relative(nc - tile, nc + W + tile, tile);
        s.relative.more = [=, *this](Expr t) {
            return own(clamp(t - nc, 0, W - 1), v.h, 0);
        };
        s.relative.index = [nc = nc](const std::vector<Expr> &, Expr row, const Key &k) {
            return nc + k - 1 - row;
        };
        s.relative.falls = [](const Key &) { return Halide::Internal::const_true(); };
        s.relative.falls_from = [=, *this](const Key &k) { return nc + k - 1 - first; };
        return s;
    }
};

Cost work(Build &x) {
    auto real = [](Expr e) { return cast<double>(e); };
    Expr B = real(x.extent("B")), M = real(x.extent("M")), D = real(x.extent("D"));
    Expr H = real(x.extent("H")), S = real(x.attribute("S")), r = real(x.attribute("r"));
    Expr W = real(x.attribute("W")), cached = real(x.extent("cached")), nc = real(x.extent("nc"));
    Expr chunks = floor(M / S), rest = M - chunks * S, C = H * D;
    Expr seen = M * cached + r * (S * chunks * (chunks - 1) / 2 + rest * chunks);
    Cost c;
    c.pairs = B * H * (M * r + seen + M * W);
    c.flops = B * C * (4 * M * r + 6 * (seen + M * W));
    Expr rows = B * (2 * M + 2 * (W + M) + 2 * cached) + W + nc;
    c.bytes = x.element_bytes() * rows * C + 4 * (B * M * H * r + 6 * C);
    return c;
}

}  // namespace

ATTUNE_VARIANT(tls_causal) {
    Variant v("tls_causal", "landmarks of earlier chunks and a window in one softmax, causal",
              "Zhu et al. 2021, arXiv 2107.02192");
    declare(v, floor(Value("M") / "S"));
    v.divides("S", "M");
    v.build = [](Build &x) { return Causal(x).attention(); };
    v.cost = work;
    v.shape("tls_causal_enwik8", "B=1 M=2048 H=8 D=64 S=16 r=1 W=512 cached=128");
    v.shape("tls_causal_evaluation", "B=1 M=256 H=8 D=64 S=16 r=1 W=512 cached=2048");
    return v;
}

ATTUNE_VARIANT(tls_causal_step) {
    Variant v("tls_causal_step", "tls_causal of tokens that follow others",
              "Zhu et al. 2021, arXiv 2107.02192");
    declare(v, ceil(Value("M") / "S"));
    v.integer("steps", {}, 0, 1 << 28, "tokens");
    v.extent("M", "steps");
    const std::map<std::string, int> one{{"M", 1}}, one_of_64{{"M", 1}, {"D", 64}};
    v.specials.insert(v.specials.begin(), {{"decode", {}, false, {}, false, one_of_64},
                                           {"decode_any", {}, false, {}, false, one}});
    v.build = [](Build &x) {
        return x.has("M", 1) ? Causal(x).of_one_row() : Causal(x).attention();
    };
    v.cost = work;
    v.shape("tls_causal_step_enwik8", "steps=1 B=4 H=8 D=64 S=16 r=1 W=512 cached=128");
    return v;
}

}  // namespace attune
