// Dense attention: o = softmax(score) v over the keys that a row admits, and its log-sum-exp.
// dense_family.h has the formula of the score and of what a row admits.
#include "dense_family.h"

namespace attune {

namespace {

void declare(Variant &v) {
    v.input("q", "B Lq Hq D", "queries");
    v.input("k", "B Lk Hkv D", "keys; query heads h*Hq/Hkv .. share a key head");
    v.input("v", "B Lk Hkv Dv", "values");
    declare_bias_and_mask(v);
    declare_alibi(v);
    declare_sink(v);
    v.input("q_len", "B", "queries of each sequence", Type::I32).optional("Lq").range(0, "Lq");
    v.input("kv_len", "B", "keys of each sequence", Type::I32).optional("Lk").range(0, "Lk");
    declare_q_offset(v);
    v.output("o", "B Lq Hq Dv", "result");
    v.output("lse", "B Hq Lq", "natural logarithm of the sum of exponentials", Type::F32)
        .optional();
    declare_scores(v, true);
    declare_groups(v);
    v.specials = dense_specials(v);
}

Sequence sequence(Build &x, Expr b) {
    Expr h = x.v.h, head = kv_head(x);
    Sequence s;
    s.batch = b;
    s.queries = x.load("q_len", {b});
    s.keys = x.load("kv_len", {b});
    s.rows = s.most_queries = x.extent("Lq");
    s.most_keys = x.extent("Lk");
    s.query = [=, &x](Expr d, Expr row) { return x.load("q", {b, row, h, d}); };
    s.key = [=, &x](Expr d, const Key &j) { return x.load("k", {b, j, head, d}); };
    s.value = [=, &x](Expr d, const Key &j) { return x.load("v", {b, j, head, d}); };
    return s;
}

}  // namespace

Variant dense(const std::string &name) {
    Variant v(name, "softmax(scale q k^T) v with band, bias, lengths and grouped heads",
              "Vaswani et al. 2017, arXiv 1706.03762; FlashAttention-2");
    declare(v);
    v.build = [](Build &x) { return dense_attention(x, sequence); };
    v.cost = [](Build &x) { return dense_cost(x, sequence, x.extent("B")); };
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
    v.shape("dense_bf16_2048_d64", long_ + "D=64 Dv=64", order, "bf16");
    v.shape("causal_bf16_2048_d64", long_ + "D=64 Dv=64 causal=1", order, "bf16");
    v.shape("decode_8192_d128", "B=1 Hq=32 Hkv=32 Lq=1 Lk=8192 D=128 Dv=128", order);
    v.shape("decode_8192_d128_blhd", "B=1 Hq=32 Hkv=32 Lq=1 Lk=8192 D=128 Dv=128");
    v.shape("decode_8192_d128_gqa8", "B=8 Hq=32 Hkv=4 Lq=1 Lk=8192 D=128 Dv=128", order);
    v.shape("short_b8_128_d32", "B=8 Hq=12 Hkv=12 Lq=128 Lk=128 D=32 Dv=32", order);
    return v;
}

}  // namespace attune
