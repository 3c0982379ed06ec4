// Dense attention of packed sequences of different lengths: sequence b owns the query rows
// cu_q[b] .. cu_q[b+1]-1 and the key rows cu_k[b] .. cu_k[b+1]-1. Nothing is padded or copied.
// dense_family.h has the formula; FlashAttention-2's varlen interface has the layout.
#include "dense_family.h"

namespace attune {

namespace {

void declare(Variant &v) {
    v.input("q", "Tq Hq D", "queries of all sequences");
    v.input("k", "Tk Hkv D", "keys; query heads h*Hq/Hkv .. share a key head");
    v.input("v", "Tk Hkv Dv", "values");
    v.input("cu_q", "B+1", "first query row of each sequence, and Tq", Type::I32)
        .offsets("Tq", "Tq", "max_q");
    v.input("cu_k", "B+1", "first key row of each sequence, and their end", Type::I32)
        .offsets(0, "Tk", "max_k");
    v.input("kv_used", "B", "only so many keys of each sequence count", Type::I32)
        .optional("Tk")
        .range(0, "Tk");
    declare_alibi(v);
    declare_sink(v);
    v.output("o", "Tq Hq Dv", "result");
    v.output("lse", "Hq Tq", "natural logarithm of the sum of exponentials", Type::F32).optional();
    declare_scores(v, true);
    v.integer("max_q", "Tq", 0, INT32_MAX, "no sequence has more queries; sizes loops");
    v.integer("max_k", "Tk", 0, INT32_MAX, "no sequence has more keys");
    v.extent("B", Value("B+1") - 1);
    declare_groups(v);
    v.specials = dense_specials(v, {"plain", "band", "generic", "full"});
}

Sequence sequence(Build &x, Expr b) {
    Expr h = x.v.h, head = kv_head(x);
    Expr rows = x.load("cu_q", {b}), keys = x.load("cu_k", {b});
    Sequence s;
    s.batch = b;
    s.rows = s.queries = x.load("cu_q", {b + 1}) - rows;
    s.keys = min(x.load("cu_k", {b + 1}) - keys, x.load("kv_used", {b}));
    s.most_queries = min(x.extent("Tq"), x.attribute("max_q"));
    s.most_keys = x.extent("Tk");
    s.query = [=, &x](Expr d, Expr row) {
        return x.load("q", {min(rows + row, x.extent("Tq") - 1), h, d});
    };
    s.key = [=, &x](Expr d, const Key &j) { return x.load("k", {keys + j, head, d}); };
    s.value = [=, &x](Expr d, const Key &j) { return x.load("v", {keys + j, head, d}); };
    s.place = [=, &x](Expr row) {
        return std::vector<Expr>{unsafe_promise_clamped(rows + row, 0, x.extent("Tq") - 1), h};
    };
    return s;
}

}  // namespace

ATTUNE_VARIANT(dense_varlen) {
    Variant v("dense_varlen", "dense attention of packed sequences",
              "Vaswani et al. 2017, arXiv 1706.03762; FlashAttention-2, varlen");
    declare(v);
    auto batches = [](Build &x) { return x.extent("B+1") - 1; };
    v.build = [=](Build &x) { return dense_attention(x, sequence, batches(x)); };
    v.cost = [=](Build &x) { return dense_cost(x, sequence, batches(x)); };
    v.shape("varlen_8x512_d64", "B+1=9 Tq=4096 Tk=4096 Hq=8 Hkv=8 D=64 Dv=64 max_q=512 causal=1");
    return v;
}

}  // namespace attune
