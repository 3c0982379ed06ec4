#include "dense_family.h"

#include <algorithm>

#include "math/strict.h"
#include "math/tanh.h"

namespace attune {

void declare_bias_and_mask(Variant &v) {
    v.input("bias", "B? Hq? Lq? Lk", "added to the scaled score; -inf masks", Type::F32)
        .optional(0);
    v.input("mask", "B? Hq? Lq? Lk", "1 = the row admits the key", Type::U8).optional(1);
}

void declare_alibi(Variant &v) {
    v.input("alibi", "[B] Hq", "slopes: score - slope * |p - j|", Type::F32).optional(0);
}

void declare_sink(Variant &v) {
    v.input("sink", "Hq", "logit of a key without a value", Type::F32).optional(-INFINITY);
}

void declare_q_offset(Variant &v) {
    v.input("q_offset", "B", "position of row 0, in place of align", Type::I32)
        .optional(INT32_MIN)
        .range(-kFar, kFar);
}

void declare_groups(Variant &v) {
    v.extent("Hq/Hkv", ceil(Value("Hq") / "Hkv"));
    v.divides("Hkv", "Hq");
}

void declare_scores(Variant &v, bool align) {
    v.number("scale", 1 / sqrt(Value("D")), -INFINITY, INFINITY, "multiplies the dot products");
    v.flag("causal", 0, "no key after the row's position");
    if (align)
        v.choice("align", {"bottom_right", "top_left"}, 0,
                 "position of row 0: kv_len - q_len or 0");
    v.integer("left", -1, -1, INT32_MAX, "keys before the position that a row sees; -1: all");
    v.integer("right", -1, -1, INT32_MAX, "keys after the position that a row sees; -1: all");
    v.number("softcap", 0, 0, INFINITY, "c > 0: scores become c * tanh(score / c)");
}

std::vector<Special> dense_specials(const Variant &v) {
    using Attributes = std::map<std::string, double>;
    const Attributes uncapped{{"softcap", 0}};
    const Attributes all{{"causal", 0}, {"left", -1}, {"right", -1}, {"softcap", 0}};
    const std::map<std::string, int> one{{"Lq", 1}}, alone{{"Lq", 1}, {"Hq/Hkv", 1}};
    auto without = [&](const std::vector<std::string> &tensors) {
        std::vector<std::string> out;
        for (const std::string &t : tensors)
            if (v.has_tensor(t)) out.push_back(t);
        return out;
    };
    const auto none = without({"bias", "mask", "alibi"});
    // A kernel that may be called without a bias or a mask gathers it: rows are on the lanes, and
    // what is absent has the stride 0. Zen 4, D 64: bias 0.46 -> 0.66 of the peak, mask 0.57 ->
    // 0.70; AVX2 0.46 -> 0.57, 0.54 -> 0.61.
    std::vector<Special> specials = {
        {"decode", uncapped, true, none, false, alone},
        {"decode_any", uncapped, false, none, false, alone},
        {"group", uncapped, true, none, false, one},
        {"group_any", uncapped, false, none, false, one},
        {"plain", all, true, none},
        {"band", uncapped, true, none},
        {"generic", uncapped, false, without({"bias", "mask"})},
        {"bias", uncapped, false, without({"mask"}), false, {}, {"bias"}},
        {"mask", uncapped, false, without({"bias"}), false, {}, {"mask"}}};
    // A cap beside gathers of a bias and a mask that are not there: 0.40 of the peak on AVX2.
    if (v.has_tensor("bias"))
        specials.push_back({"softcap", {}, false, without({"bias", "mask"}), false});
    specials.push_back({"full", {}, false});
    return specials;
}

std::vector<Special> dense_specials(const Variant &v, const std::vector<std::string> &kinds,
                                    const std::string &prefix,
                                    const std::vector<std::string> &absent) {
    std::vector<Special> out;
    for (Special s : dense_specials(v)) {
        if (std::find(kinds.begin(), kinds.end(), s.name) == kinds.end()) continue;
        s.name = prefix + s.name;
        s.gpu = false;
        for (const std::string &t : absent)
            if (std::find(s.absent.begin(), s.absent.end(), t) == s.absent.end())
                s.absent.push_back(t);
        out.push_back(s);
    }
    return out;
}

namespace {

// Of one query a sequence, rows are the heads that share keys, so that these are read once.
bool heads_are_rows(const Build &x) { return x.has("Lq", 1) && !x.has("Hq/Hkv", 1); }

Expr group(const Build &x) { return x.extent("Hq") / x.extent("Hkv"); }

// Query `row` of v.h, or the one query of head `row` of those that share key head v.h.
Expr head_of(const Build &x, Expr row) {
    return heads_are_rows(x) ? x.v.h * group(x) + row : x.v.h;
}
Expr query_of(const Build &x, Expr row) { return x.has("Lq", 1) ? Expr(0) : row; }

// Head v.h is then a key head.
Sequence with_heads_as_rows(const Build &x, Sequence s) {
    auto of_head = [first = x.v.h * group(x), heads = x.extent("Hq"), h = x.v.h.name()](Expr row) {
        Expr head = unsafe_promise_clamped(first + row, 0, heads - 1);
        return [=](Expr e) { return substitute(h, head, e); };
    };
    s.query = [=, query = s.query](Expr d, Expr row) { return of_head(row)(query(d, 0)); };
    s.place = [=, place = s.place](Expr row) {
        std::vector<Expr> out = place(0);
        std::transform(out.begin(), out.end(), out.begin(), of_head(row));
        return out;
    };
    s.rows = select(s.rows > 0, group(x), 0);
    s.most_queries = group(x);
    return s;
}

// What a row admits: keys [p - left, p + right] of [0, length).
struct Band {
    Expr offset, left, right, length;
    Expr first(Expr row) const { return max(row + offset - left, 0); }
    Expr last(Expr row) const { return min(row + offset + right + 1, length); }
};

Band band_of(const Build &x, const Sequence &s) {
    auto reach = [](Expr distance) { return select(distance < 0, kFar, min(distance, kFar)); };
    Band band;
    band.length = s.keys;
    band.offset = s.keys - s.queries;
    if (x.variant.has_attribute("align"))
        band.offset = select(x.attribute("align") == 1, 0, band.offset);
    if (x.may_have("q_offset")) {
        Expr given = x.load("q_offset", {s.batch});
        band.offset = select(given == INT32_MIN, band.offset, given);
    }
    band.left = simplify(reach(x.attribute("left")));
    band.right = simplify(select(x.attribute("causal") == 1, 0, reach(x.attribute("right"))));
    return band;
}

// Softcap, then bias, then ALiBi.
decltype(Source::score) score(Build &x, const Band &band, Expr b) {
    const bool capped = !x.is("softcap", 0);
    const bool bias = x.may_have("bias") && !x.is_given("bias"), alibi = x.may_have("alibi");
    if (!capped && !bias && !alibi) return {};
    return [=, &x](Expr s, Expr row, Expr j) {
        Expr head = head_of(x, row), query = query_of(x, row);
        if (capped) {
            Expr cap = x.attribute("softcap");
            s = select(cap > 0.f, cap * tanh_f32(s / max(cap, 1e-30f)), s);
        }
        // Of three terms left to the compiler, which are added first depends on where k is read.
        using Halide::Internal::Call;
        if (bias) s = strict(Call::strict_add, s, x.load("bias", {b, head, query, j}));
        if (!alibi) return s;
        Expr distance = cast<float>(abs(query + band.offset - j));
        return strict(Call::strict_sub, s,
                      strict(Call::strict_mul, x.load("alibi", {b, head}), distance));
    };
}

Source keys_of(Build &x, const Sequence &s, const Band &band) {
    const bool one = x.has("Lq", 1);
    Expr first = query_of(x, x.block_first()), last = query_of(x, x.block_last(s.queries));
    Source keys;
    keys.name = "keys";
    keys.key = s.key;
    keys.value = s.value;
    keys.locate = s.locate;
    keys.first = s.first;
    keys.last = band.length;
    keys.max_keys = s.most_keys;
    keys.by_rows = keys.strided = !one;
    if (!x.is("causal", 0) || !x.is("left", -1) || !x.is("right", -1)) {
        keys.first = max(band.first(first), s.first);
        keys.last = band.last(last);
        keys.max_keys = min(s.most_keys, band.left + band.right + x.query_tile);
        // As differences of j, which a GPU keeps out of its registers; clamped row bounds spill.
        // The range of a single query is exact.
        if (!one)
            keys.admit = [=](const std::vector<Expr> &, Expr row, Expr j) {
                return row >= j - (band.offset + band.right) &&
                       row <= j + (band.left - band.offset);
            };
    }
    keys.last = select(first < s.queries, min(keys.last, s.last), 0);
    if (x.may_have("mask") && !x.is_given("mask"))
        keys.admit = [=, &x, b = s.batch, band = keys.admit](const std::vector<Expr> &r, Expr row,
                                                             Expr j) {
            Expr keep = x.load("mask", {b, head_of(x, row), query_of(x, row), j}) != 0;
            return band ? band(r, row, j) && keep : keep;
        };
    keys.score = score(x, band, s.batch);
    if (x.is_given("bias") || x.is_given("mask"))
        keys.addend = [&x, b = s.batch](Expr row, Expr j) {
            const std::vector<Expr> at{b, head_of(x, row), query_of(x, row), j};
            if (x.is_given("bias")) return x.load("bias", at);
            return select(x.load("mask", at) != 0, 0.f, -INFINITY);
        };
    return keys;
}

}  // namespace

Expr kv_head(const Build &x) { return heads_are_rows(x) ? x.v.h : x.v.h / group(x); }

Attention dense_attention(Build &x, const SequenceOf &sequence, Expr batches) {
    Sequence s = sequence(x, x.v.b);
    if (!s.place) s.place = [v = x.v](Expr row) { return std::vector<Expr>{v.b, row, v.h}; };
    const Band band = band_of(x, s);
    const bool by_group = heads_are_rows(x);
    if (by_group) s = with_heads_as_rows(x, s);
    Attention a;
    a.queries.count = s.most_queries;
    a.queries.stored = s.rows;
    a.queries.batches = batches;
    a.queries.heads = x.extent(by_group ? "Hkv" : "Hq");
    a.queries.scale = x.attribute("scale");
    a.queries.load = s.query;
    a.queries.place = s.place;
    a.queries.valid = [=, &x](Expr row) { return query_of(x, row) < s.queries; };
    a.queries.position = [=, &x](Expr row) { return query_of(x, row) + band.offset; };
    a.queries.head = [&x](Expr row) { return head_of(x, row); };
    if (x.may_have("sink"))
        a.queries.sink = [&x](Expr row) { return x.load("sink", {head_of(x, row)}); };
    a.sources = {keys_of(x, s, band)};
    return a;
}

Cost dense_cost(Build &x, const SequenceOf &sequence, Expr batches) {
    Halide::RDom b(0, batches, "batch");
    const Sequence s = sequence(x, b);
    const Band band = band_of(x, s);
    Halide::RDom r(0, s.most_queries, 0, batches, "r");
    const Sequence of_row = sequence(x, r.y);
    const Band around = band_of(x, of_row);
    Func pairs("pairs"), rows("rows"), keys("keys");
    auto part = [](const Sequence &s, Expr first, Expr last) {
        return cast<double>(max(min(last, s.last) - max(first, s.first), 0));
    };
    Expr visible = part(of_row, around.first(r.x), around.last(r.x));
    pairs() = cast<double>(0);
    pairs() += select(r.x < of_row.queries, visible, cast<double>(0));
    rows() = cast<double>(0);
    rows() += cast<double>(s.queries);
    keys() = cast<double>(0);
    keys() += part(s, band.first(0), band.last(s.queries - 1));
    for (Func f : {pairs, rows, keys}) f.compute_root();
    Expr Hq = cast<double>(x.extent("Hq")), Hkv = cast<double>(x.extent("Hkv"));
    Expr width = cast<double>(x.extent("D") + x.extent("Dv"));
    Cost c;
    c.pairs = pairs() * Hq;
    c.flops = 2 * c.pairs * width;
    c.bytes = x.element_bytes() * width * (rows() * Hq + keys() * Hkv) + 4 * rows() * Hq;
    return c;
}

}  // namespace attune
