// Transformer-LS for images: one softmax over r landmarks, a window of square segments and perhaps
// a global token, of a grid of nx x nx tokens.
//
//     K, V        LayerNorm(k; gT, bT), LayerNorm(v; gT, bT), over the columns of all heads
//     landmark m  LayerNorm(sum over tokens n of softmax_n(s[n, m]) K[n]; gL, bL), V likewise
//     token       sees all landmarks, the global token, and along each axis the keys
//                 [a - e, a + w + e) of the image, a = i / w * w, e = max(w / 2, 1), to whose
//                 scores tab[(dy + p + w - 1) (2 p + w) + dx + p + w - 1] is added: dy, dx from key
//                 to query, p = w / 2. Different offsets share an element, as in the authors' code
//     global      attends to itself and to all results
//
// Queries of a segment are a batch element: they see the same keys, so nothing is masked.
//
// Zhu et al., "Long-Short Transformer", NeurIPS 2021, arXiv 2107.02192; as in the authors' code for
// ImageNet.
#include "tls.h"

namespace attune {

namespace {

void declare(Variant &v) {
    v.input("q", "B rows H D", "queries, unscaled; the global token's first, then the grid's rows");
    v.input("k", "B rows H D", "keys before LayerNorm");
    v.input("v", "B rows H D", "values before LayerNorm");
    v.input("s", "B L H rank", "landmark logits of the grid; none if r = 0", Type::F32).unread();
    v.input("gT", "Ch", "gain of the tokens' LayerNorm", Type::F32);
    v.input("bT", "Ch", "its bias", Type::F32);
    v.input("gL", "Ch", "gain of the landmarks' LayerNorm; none if r = 0", Type::F32).unread();
    v.input("bL", "Ch", "its bias", Type::F32).unread();
    v.input("tab", "TR H", "relative positions, for w > 1", Type::F32).optional(0);
    v.output("out", "B rows H D", "result");
    v.integer("nx", {}, 1, 1 << 14, "tokens of a side of the grid");
    v.integer("w", {}, 0, 512, "tokens of a side of a segment; divides nx; 0: no window");
    v.integer("r", {}, 0, 1 << 28, "number of landmarks");
    v.flag("G", {}, "there is a global token");
    const Value marks = Value("r") > 0, w = "w", p = floor(w / 2);
    v.extent("Ch", Value("H") * "D");
    v.extent("rows", Value("G") + Value("nx") * "nx");
    v.extent("L", Value("nx") * "nx");
    v.extent("TR", max(2 * (w + p - 1) * (2 * p + w + 1) + 1, 0));
    v.require(w == 0 || Value("nx") % w == 0, "w divides nx");
    v.require(!given("tab") || w > 1, "tab is given only if w > 1");
    v.require(given("s") == marks, "s is given exactly if r > 0");
    v.require(!given("s") || Value("rank") == "r", "s has r logits a head");
    v.require(given("gL") == marks && given("bL") == marks, "gL and bL are given exactly if r > 0");
    v.require(w > 0 || marks || Value("G") == 1, "w, r and G are not all 0");
    v.specials = {{"d32", {}, false, {}, false, {{"D", 32}}},
                  {"d64", {}, false, {}, false, {{"D", 64}}},
                  {"any", {}, false, {}, false}};
}

class Image {
public:
    explicit Image(Build &x)
        : x(x),
          v(x.v),
          D(x.extent("D")),
          nx(x.attribute("nx")),
          w(x.attribute("w")),
          r(x.attribute("r")),
          G(x.attribute("G")),
          L(nx * nx),
          side(select(w > 0, w, nx)),
          e(select(w > 0, max(w / 2, 1), 0)),
          window(select(w > 0, w + 2 * e, 0)),
          segments(nx / side * (nx / side)),
          batch(unsafe_promise_clamped(v.b / segments, 0, x.extent("B") - 1)),
          top(v.b % segments / (nx / side) * side),
          left(v.b % segments % (nx / side) * side) {}

    Direct with_global() {
        Global global;
        global.query = [this](Expr d) { return x.load("q", {v.b, 0, v.h, d}); };
        global.key = [this](Expr d) { return tokens({d, 0, v.h, 0, v.b}); };
        global.value = [this](Expr d) { return tokens({d, 1, v.h, 0, v.b}); };
        global.given = G;
        global.others = L;
        return attune::with_global(
            x, [this] { return attention(); }, global);
    }

    Attention attention() {
        Rows raw = both(x, "k", "v");
        RowNorm of_tokens = row_norm(x, "tokens", G + L, raw);
        tokens = normed(of_tokens, raw, columns(x, "gT"), columns(x, "bT"));
        Rows grid = [tokens = tokens, G = G](Element e) {
            e.row = G + e.row;
            return tokens(e);
        };
        Attention a;
        Rows mean = means(x, grid, L, {}, a.before);
        RowNorm of_marks = row_norm(x, "landmarks", r, mean);
        Rows marks = normed(of_marks, mean, columns(x, "gL"), columns(x, "bL"));
        a.queries = queries();
        a.norms = {of_tokens, of_marks};
        marks = laid_out(x, "marks", marks, r, a.before);
        // A source of their own, as a choice between them and tokens for each key cost 2 %.
        Rows of_image = [marks, batch = batch](Element e) {
            e.batch = batch;
            return marks(e);
        };
        a.sources = {far(x, of_image, r), near(a)};
        return a;
    }

private:
    Build &x;
    const Dims v;
    const Expr D, nx, w, r, G, L;
    const Expr side, e, window;   // of a segment; keys beyond it; keys of a side of its window
    const Expr segments;          // of the grid
    const Expr batch, top, left;  // batch element; row and column of the segment's first token
    Rows tokens;                  // after their LayerNorm: the global token, the grid

    Expr token(Expr row) const {
        Expr n = (top + row / side) * nx + left + row % side;
        return unsafe_promise_clamped(n, 0, L - 1);
    }

    Queries queries() const {
        Queries q;
        q.count = side * side;
        q.batches = x.extent("B") * segments;
        q.scale = 1.f / sqrt(cast<float>(D));
        q.load = [=, *this](Expr d, Expr row) {
            return x.load("q", {batch, G + token(row), v.h, d});
        };
        q.place = [=, *this](Expr row) { return std::vector<Expr>{batch, token(row), v.h}; };
        return q;
    }

    // Key k is the global token, or a place of that part of the window that lies in the image, row
    // by row. Its integers: the row of `tokens`, the place in the whole window.
    Source near(Attention &a) const {
        Expr y = max(top - e, 0), x0 = max(left - e, 0);
        Expr height = min(top + side + e, nx) - y, width = min(left + side + e, nx) - x0;
        auto down = [=](Expr n) {  // n / width for n < 2^21: vectors have no division of integers
            return cast<int>((cast<float>(n) + 0.5f) * (1.f / cast<float>(width)));
        };
        Source s;
        s.name = "near";
        s.first = 0;
        s.last = G + select(w > 0, height * width, 0);
        s.max_keys = G + window * window;
        s.locate = {[=, *this](Expr k) {
                        Expr n = max(k - G, 0), yy = down(n), xx = n - yy * width;
                        return select(k < G, k, G + (y + yy) * nx + x0 + xx);
                    },
                    [=, *this](Expr k) {
                        Expr n = max(k - G, 0), yy = down(n), xx = n - yy * width;
                        Expr place = (y - top + e + yy) * window + x0 - left + e + xx;
                        return select(k < G, window * window, place);
                    }};
        auto part = [=, *this](int part) {
            return [=, *this](Expr d, const Key &k) {
                Expr row = unsafe_promise_clamped(k.at[0], 0, G + L - 1);
                return tokens({d, part, v.h, row, batch});
            };
        };
        s.key = part(0);
        s.value = part(1);
        s.computed = true;
        if (!x.may_have("tab")) return s;
        Func bias = places(a);
        // Not the row, which the last of a block repeats: a vector of neighbours.
        Expr row = x.block_first() + v.qi;
        s.score = [=, *this](Expr score, Expr, const Key &k) {
            Expr place = unsafe_promise_clamped(k.at[1], 0, window * window);
            return score + bias(row, place, v.h, 0);
        };
        return s;
    }

    // What is added to the score of a row of any segment and a place of its window, which the
    // global token has none of.
    Func places(Attention &a) const {
        Var row("row"), place("place");
        Func start("place_start"), bias("place_bias");
        Expr p = w / 2, stride = 2 * p + w, at = min(row, side * side - 1);
        start(row, v.h, v.b) = at / side * stride + at % side;
        Expr from = place / max(window, 1) * stride + place % max(window, 1);
        Expr t = start(row, 0, 0) - from + (e + p + w - 1) * (stride + 1);
        bias(row, place, v.h, v.b) =
            select(place < window * window, x.load("tab", {max(t, 0), v.h}), 0.f);
        a.before.insert(a.before.end(), {start, bias});
        return bias;
    }
};

Cost work(Build &x) {
    auto real = [](Expr e) { return cast<double>(e); };
    Expr nx = real(x.attribute("nx")), w = real(x.attribute("w")), r = real(x.attribute("r"));
    Expr G = real(x.attribute("G")), B = real(x.extent("B")), H = real(x.extent("H"));
    Expr D = real(x.extent("D")), L = nx * nx, e = select(w > 0, max(floor(w / 2), 1), 0);
    Expr axis = nx * (w + 2 * e) - 2 * e * w;  // keys of the image that windows have along it
    Cost c;
    c.pairs = B * H * (L * r + select(w > 0, axis * axis, 0) + L * (r + G) + G * (L + G));
    c.flops = 4 * D * c.pairs;
    c.bytes = B * (x.element_bytes() * 4 * (L + G) * H * D + 4 * L * H * r) + 16 * H * D;
    return c;
}

}  // namespace

ATTUNE_VARIANT(tls_image2d) {
    Variant v("tls_image2d", "landmarks and a window of square segments in one softmax, for images",
              "Zhu et al. 2021, arXiv 2107.02192");
    declare(v);
    v.build = [](Build &x) { return Image(x).attention(); };
    v.direct = [](Build &x) { return Image(x).with_global(); };
    v.cost = work;
    v.shape("tls_image2d_224_1", "B=1 H=3 D=32 nx=56 w=7 r=8 G=1 s gL bL tab rank=8");
    v.shape("tls_image2d_224_2", "B=1 H=3 D=64 nx=28 w=7 r=8 G=1 s gL bL tab rank=8");
    v.shape("tls_image2d_384_1", "B=1 H=3 D=32 nx=96 w=8 r=8 G=1 s gL bL tab rank=8");
    return v;
}

}  // namespace attune
