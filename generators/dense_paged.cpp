// Dense attention over a paged cache of keys and values: key t of sequence b is in page
// block_table[b][t / P], slot t % P, for pages of any size P. Only ceil(kv_len[b] / P) entries of a
// row of the table are read; a page may belong to several sequences. Positions are bottom_right.
// dense_family.h has the formula; Kwon et al., "Efficient Memory Management for Large Language
// Model Serving with PagedAttention", 2023 (arXiv 2309.06180).
#include "paged.h"

namespace attune {

namespace {

void declare(Variant &v) {
    v.input("q", "[B] Lq Hq D", "queries; with cu_q those of all sequences: Lq rows, no B");
    declare_pages(v, false);
    v.input("kv_len", "B", "keys of each sequence", Type::I32).range(0, Value("max_pages") * "P");
    v.input("cu_q", "B+1", "first query row of each sequence, and Lq", Type::I32)
        .optional(-1)
        .offsets("Lq", "Lq");
    declare_alibi(v);
    declare_sink(v);
    v.output("o", "[B] Lq Hq Dv", "result");
    v.output("lse", "[B] Hq Lq", "natural logarithm of the sum of exponentials", Type::F32)
        .optional();
    declare_scores(v, false);
    v.extent("B+1", Value("B") + 1);
    declare_groups(v);
    v.require(rank("q") == select(given("cu_q"), 3, 4), "q has 3 dimensions with cu_q, else 4");
    v.require(rank("o") == rank("q"), "o has as many dimensions as q");
    v.require(!given("lse") || rank("lse") == rank("q") - 1, "lse has one dimension less than q");
    v.specials = dense_specials(
        v, {"decode", "decode_any", "group", "group_any", "band", "generic", "full"});
}

Sequence sequence(Build &x, Expr b) {
    Expr h = x.v.h, first = max(x.load("cu_q", {b}), 0);
    Expr packed = x.load("cu_q", {0}) == 0, end = x.load("cu_q", {b + 1});
    Sequence s;
    s.batch = b;
    s.queries = select(packed, end - first, x.extent("Lq"));
    s.keys = x.load("kv_len", {b});
    s.rows = s.queries;
    s.most_queries = x.extent("Lq");
    s.query = [=, &x](Expr d, Expr row) {
        return x.load("q", {b, min(first + row, x.extent("Lq") - 1), h, d});
    };
    s.place = [=, &x](Expr row) {
        return std::vector<Expr>{b, unsafe_promise_clamped(first + row, 0, x.extent("Lq") - 1), h};
    };
    find_in_pages(x, s);
    return s;
}

}  // namespace

ATTUNE_VARIANT(dense_paged) {
    Variant v("dense_paged", "dense attention over a paged cache of keys and values",
              "Kwon et al. 2023, arXiv 2309.06180; FlashAttention-2, FlashInfer");
    declare(v);
    v.build = [](Build &x) { return dense_attention(x, sequence, x.extent("B")); };
    v.cost = [](Build &x) { return dense_cost(x, sequence, x.extent("B")); };
    v.shape("paged_8x2048_d128",
            "B=8 Lq=1 Hq=32 Hkv=8 D=128 Dv=128 n_pages=1024 P=16 max_pages=128");
    return v;
}

}  // namespace attune
