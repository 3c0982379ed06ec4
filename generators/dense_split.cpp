// Split-KV attention: the keys of every row are cut into S ranges of the same length, and each
// gives its own normalised result and log-sum-exp. dense_merge joins them, the sink included.
// Keys are in k and v, or in pages. dense_family.h has the formula; Dao et al., "Flash-Decoding".
#include "paged.h"

namespace attune {

namespace {

void declare(Variant &v) {
    v.input("q", "B Lq Hq D", "queries");
    v.input("k", "B Lk Hkv D", "keys; query heads h*Hq/Hkv .. share a key head").unread();
    v.input("v", "B Lk Hkv Dv", "values").unread();
    declare_bias_and_mask(v);
    declare_alibi(v);
    v.input("q_len", "B", "queries of each sequence", Type::I32).optional("Lq").range(0, "Lq");
    const Value cached = Value("max_pages") * "P", keys = select(given("k"), "Lk", cached);
    v.input("kv_len", "B", "keys of each sequence", Type::I32).optional("Lk").range(0, keys);
    declare_q_offset(v);
    declare_pages(v, true);
    v.output("o_part", "S B Lq Hq Dv", "result of each range of keys", Type::F32);
    v.output("lse_part", "S B Hq Lq", "natural logarithm of its sum of exponentials", Type::F32)
        .optional();
    declare_scores(v, true);
    v.integer("n_split", 0, 0, INT32_MAX, "number of ranges; 0: by split_size");
    v.integer("tile", 1, 1, INT32_MAX, "with n_split: ranges are multiples of it");
    v.integer("split_size", 0, 0, INT32_MAX, "keys of a range; 0: by n_split");
    v.extent("S", select(Value("n_split") > 0, "n_split", ceil(keys / "split_size")));
    declare_groups(v);
    v.require((Value("n_split") > 0) != (Value("split_size") > 0),
              "exactly one of n_split and split_size is given");
    const Value pages = given("k_pages");
    v.require(given("k") != pages && given("v") == given("k") && given("v_pages") == pages &&
                  given("block_table") == pages && (!pages || given("kv_len")),
              "k and v, or k_pages, v_pages, block_table and kv_len");
    v.require(!pages || Value("align") == 0, "align is bottom_right with pages");
    v.require(!pages || !(given("bias") || given("mask") || given("q_len") || given("q_offset")),
              "bias, mask, q_len and q_offset do not go with pages");
    const std::vector<std::string> paged{"k", "v", "bias", "mask", "q_offset"};
    const std::vector<std::string> dense{"k_pages", "v_pages", "block_table"};
    const std::vector<std::string> kinds{"decode",    "decode_any", "group",
                                         "group_any", "generic",    "full"};
    v.specials = dense_specials(v, kinds, "", dense);
    for (const Special &s : dense_specials(v, kinds, "paged_", paged)) v.specials.push_back(s);
}

// Grid element g of B * S: range g / B of sequence g % B.
Sequence sequence(Build &x, Expr g) {
    Expr B = x.extent("B"), b = g % B, h = x.v.h, head = kv_head(x);
    const bool paged = !x.may_have("k");
    Sequence s;
    s.batch = b;
    s.queries = x.load("q_len", {b});
    s.keys = x.load("kv_len", {b});
    s.rows = s.most_queries = x.extent("Lq");
    s.query = [=, &x](Expr d, Expr row) { return x.load("q", {b, row, h, d}); };
    s.place = [=](Expr row) { return std::vector<Expr>{g / B, b, row, h}; };
    if (paged) {
        find_in_pages(x, s);
    } else {
        s.most_keys = x.extent("Lk");
        s.key = [=, &x](Expr d, const Key &j) { return x.load("k", {b, j, head, d}); };
        s.value = [=, &x](Expr d, const Key &j) { return x.load("v", {b, j, head, d}); };
    }
    Expr n = max(x.attribute("n_split"), 1), tile = x.attribute("tile");
    Expr each = (s.most_keys + n - 1) / n, size = x.attribute("split_size");
    size = select(size > 0, size, (each + tile - 1) / tile * tile);
    // The number of a range times its size may exceed 2^31 where sizes are given far too large.
    Expr whole = max(s.most_keys, 1);
    size = min(size, whole);
    s.first = min(g / B, (whole + size - 1) / size) * size;
    s.last = s.first + size;
    return s;
}

Expr grid(const Build &x) {
    Expr n = x.attribute("n_split"), size = max(x.attribute("split_size"), 1);
    Expr keys = x.may_have("k") ? x.extent("Lk") : x.extent("max_pages") * x.extent("P");
    return x.extent("B") * select(n > 0, n, (keys + size - 1) / size);
}

}  // namespace

ATTUNE_VARIANT(dense_split) {
    Variant v("dense_split", "dense attention over ranges of the keys",
              "Dao et al. 2023, Flash-Decoding");
    declare(v);
    v.build = [](Build &x) { return dense_attention(x, sequence, grid(x)); };
    v.cost = [](Build &x) { return dense_cost(x, sequence, grid(x)); };
    v.shape("split_8192_d128", "B=1 Hq=32 Hkv=32 Lq=1 Lk=8192 D=128 Dv=128 n_split=8 tile=128 k v",
            "0213");
    return v;
}

}  // namespace attune
