// Dense attention: o = softmax(scale * q k^T) v over the keys that a row admits, and its
// log-sum-exp.
//
//     position of row i   p = i + kv_len - q_len  (bottom_right)  or  i  (top_left)
//     row i admits key j  if j < kv_len and p - left <= j <= p + right
//                         (-1: unbounded; causal sets right = 0)
//
// Vaswani et al., "Attention Is All You Need", 2017 (arXiv 1706.03762); window and alignment as in
// FlashAttention-2. A row that admits no key gives 0 and -inf.
#include "math/tanh.h"
#include "variant.h"

namespace attune {

namespace {

constexpr int kFar = 1 << 29;  // beyond any length: positions stay below 2^30

void declare(Variant &v) {
    v.input("q", "B Lq Hq D", "queries");
    v.input("k", "B Lk Hkv D", "keys; query heads h*Hq/Hkv .. share a key head");
    v.input("v", "B Lk Hkv Dv", "values");
    v.input("bias", "B? Hq? Lq? Lk", "added to the scaled score; -inf masks", Type::F32)
        .optional(0);
    v.input("mask", "B? Hq? Lq? Lk", "1 = the row admits the key", Type::U8).optional(1);
    v.input("alibi", "[B] Hq", "slopes: score - slope * |p - j|", Type::F32).optional(0);
    v.input("sink", "Hq", "logit of a key without a value", Type::F32).optional(-INFINITY);
    v.input("q_len", "B", "queries of each sequence", Type::I32).optional("Lq").range(0, "Lq");
    v.input("kv_len", "B", "keys of each sequence", Type::I32).optional("Lk").range(0, "Lk");
    v.input("q_offset", "B", "position of row 0, in place of align", Type::I32)
        .optional(INT32_MIN)
        .range(-kFar, kFar);
    v.output("o", "B Lq Hq Dv", "result");
    v.output("lse", "B Hq Lq", "natural logarithm of the sum of exponentials", Type::F32)
        .optional();
    v.number("scale", "1/sqrt(D)", -INFINITY, INFINITY, "multiplies the dot products");
    v.flag("causal", 0, "no key after the row's position");
    v.choice("align", {"bottom_right", "top_left"}, 0, "position of row 0: kv_len - q_len or 0");
    v.integer("left", -1, -1, INT32_MAX, "keys before the position that a row sees; -1: all");
    v.integer("right", -1, -1, INT32_MAX, "keys after the position that a row sees; -1: all");
    v.number("softcap", 0, 0, INFINITY, "c > 0: scores become c * tanh(score / c)");
    v.divides("Hkv", "Hq");
    const std::vector<std::string> none{"bias", "mask", "alibi"};
    const std::map<std::string, int> one{{"Lq", 1}};
    v.specials = {
        {"decode", {{"softcap", 0}}, true, none, false, one},
        {"decode_any", {{"softcap", 0}}, false, none, false, one},
        {"plain", {{"causal", 0}, {"left", -1}, {"right", -1}, {"softcap", 0}}, true, none},
        {"band", {{"softcap", 0}}, true, none},
        {"generic", {{"softcap", 0}}, false, {"bias", "mask"}},
        {"bias", {{"softcap", 0}}, false, {"mask"}, false},
        {"mask", {{"softcap", 0}}, false, {"bias"}, false},
        {"full", {}, false}};
}

// What a row admits: keys [p - left, p + right] of [0, length).
struct Band {
    Expr offset, left, right, queries, length;
    Expr first(Expr row) const { return max(row + offset - left, 0); }
    Expr last(Expr row) const { return min(row + offset + right + 1, length); }
};

Band band(const Build &x, Expr b) {
    auto reach = [](Expr distance) { return select(distance < 0, kFar, min(distance, kFar)); };
    Band band;
    band.queries = x.load("q_len", {b});
    band.length = x.load("kv_len", {b});
    Expr given = x.load("q_offset", {b}), aligned = band.length - band.queries;
    aligned = select(x.attribute("align") == 1, 0, aligned);
    band.offset = select(given == INT32_MIN, aligned, given);
    band.left = simplify(reach(x.attribute("left")));
    band.right = simplify(select(x.attribute("causal") == 1, 0, reach(x.attribute("right"))));
    return band;
}

// Softcap, then bias, then ALiBi, as ONNX and FlashAttention-2 order them.
decltype(Source::score) score(Build &x, const Band &band) {
    const bool capped = !x.is("softcap", 0);
    const bool bias = x.may_have("bias"), alibi = x.may_have("alibi");
    if (!capped && !bias && !alibi) return {};
    return [=, &x, v = x.v](Expr s, Expr row, Expr j) {
        if (capped) {
            Expr cap = x.attribute("softcap");
            s = select(cap > 0.f, cap * tanh_f32(s / max(cap, 1e-30f)), s);
        }
        if (bias) s = s + x.load("bias", {v.b, v.h, row, j});
        Expr distance = cast<float>(abs(row + band.offset - j));
        if (alibi) s = s - x.load("alibi", {v.b, v.h}) * distance;
        return s;
    };
}

Attention algorithm(Build &x) {
    const Dims &v = x.v;
    Expr Lq = x.extent("Lq"), Lk = x.extent("Lk");
    Expr head = v.h / (x.extent("Hq") / x.extent("Hkv"));
    Band band = attune::band(x, v.b);
    Expr some = x.block_first() < band.queries;

    Attention a;
    a.queries.count = Lq;
    a.queries.scale = x.attribute("scale");
    a.queries.load = [=, &x](Expr d, Expr row) { return x.load("q", {v.b, row, v.h, d}); };
    a.queries.valid = [=](Expr row) { return row < band.queries; };
    a.queries.position = [=](Expr row) { return row + band.offset; };
    a.queries.sink = x.load("sink", {v.h});

    Source keys;
    keys.name = "keys";
    keys.key = [=, &x](Expr d, Expr j) { return x.load("k", {v.b, j, head, d}); };
    keys.value = [=, &x](Expr d, Expr j) { return x.load("v", {v.b, j, head, d}); };
    if (x.is("causal", 0) && x.is("left", -1) && x.is("right", -1)) {
        keys.first = 0;
        keys.last = select(some, band.length, 0);
        keys.max_keys = Lk;
    } else {
        keys.first = band.first(x.block_first());
        keys.last = select(some, band.last(x.block_last(Lq)), 0);
        keys.max_keys = min(Lk, band.left + band.right + x.query_tile);
        // As differences of j, which a GPU keeps out of its registers; clamped row bounds spill.
        // The range of one query is exact.
        if (!Halide::Internal::is_const_one(Lq)) keys.admit = [=](const std::vector<Expr> &, Expr row, Expr j) {
            return row >= j - (band.offset + band.right) && row <= j + (band.left - band.offset);
        };
    }
    if (x.may_have("mask"))
        keys.admit = [=, &x, band = keys.admit](const std::vector<Expr> &r, Expr row, Expr j) {
            Expr keep = x.load("mask", {v.b, v.h, row, j}) != 0;
            return band ? band(r, row, j) && keep : keep;
        };
    keys.score = score(x, band);
    a.sources = {keys};
    return a;
}

Cost work(Build &x) {
    Halide::RDom r(0, x.extent("Lq"), 0, x.extent("B"), "r");
    Band band = attune::band(x, r.y);
    Func pairs("pairs"), rows("rows"), keys("keys");
    Expr visible = max(band.last(r.x) - band.first(r.x), 0);
    pairs() = cast<double>(0);
    pairs() += cast<double>(select(r.x < band.queries, visible, 0));
    Halide::RDom batch(0, x.extent("B"), "batch");
    Band whole = attune::band(x, batch);
    rows() = cast<double>(0);
    rows() += cast<double>(whole.queries);
    keys() = cast<double>(0);
    keys() += cast<double>(max(whole.last(whole.queries - 1) - whole.first(0), 0));
    for (Func f : {pairs, rows, keys}) f.compute_root();
    Expr Hq = cast<double>(x.extent("Hq")), Hkv = cast<double>(x.extent("Hkv"));
    Expr width = cast<double>(x.extent("D") + x.extent("Dv"));
    Cost c;
    c.pairs = pairs() * Hq;
    c.flops = 2 * c.pairs * width;
    c.bytes = x.element_bytes() * width * (rows() * Hq + keys() * Hkv) + 4 * rows() * Hq;
    return c;
}

}  // namespace

Variant dense(const std::string &name) {
    Variant v(name, "softmax(scale q k^T) v with band, lengths and grouped heads",
              "Vaswani et al. 2017, arXiv 1706.03762; FlashAttention-2");
    declare(v);
    v.build = algorithm;
    v.cost = work;
    return v;
}

ATTUNE_VARIANT(dense) {
    Variant v = dense("dense");
    const std::string one = "B=1 Hq=8 Hkv=8 ", long_ = one + "Lq=2048 Lk=2048 ", order = "0213";
    v.shape("dense_2048_d64", long_ + "D=64 Dv=64", order);
    v.shape("dense_2048_d128", long_ + "D=128 Dv=128", order);
    v.shape("causal_2048_d64", long_ + "D=64 Dv=64 causal=1", order);
    v.shape("causal_1000_d64", one + "Lq=1000 Lk=1000 D=64 Dv=64 causal=1", order);
    v.shape("window_8192_d64", one + "Lq=8192 Lk=8192 D=64 Dv=64 causal=1 left=255", order);
    v.shape("decode_8192_d128", "B=1 Hq=32 Hkv=32 Lq=1 Lk=8192 D=128 Dv=128", order);
    v.shape("decode_8192_d128_blhd", "B=1 Hq=32 Hkv=32 Lq=1 Lk=8192 D=128 Dv=128");
    v.shape("decode_8192_d128_gqa8", "B=8 Hq=32 Hkv=4 Lq=1 Lk=8192 D=128 Dv=128", order);
    v.shape("short_b8_128_d32", "B=8 Hq=12 Hkv=12 Lq=128 Lk=128 D=32 Dv=32", order);
    return v;
}

}  // namespace attune
