// Cluster-Former's attention inside chunks: tokens in the order of a permutation (sorted by
// cluster) are cut into chunks of S ranks, and a token sees the tokens of its own chunk.
//
//     token perm[r] admits token perm[r']  if  r / S == r' / S,  r' < n_len
//     causal: and perm[r'] <= perm[r];  same_cluster: and their ids agree
//
// Rows are gathered through the permutation where they are read and scattered where they are
// written: no sorted copy exists. Wang et al., "Cluster-Former", Findings of ACL 2021, arXiv
// 2009.06097, section 3.2.
#include "variant.h"

namespace attune {

namespace {

void declare(Variant &v) {
    v.input("q", "B N H D", "queries");
    v.input("k", "B N Hkv D", "keys");
    v.input("v", "B N Hkv D", "values");
    v.input("perm", "B N", "token at each rank", Type::I32).permutation();
    v.input("n_len", "B", "valid tokens; padding has the last ranks", Type::I32)
        .optional("N")
        .range(0, "N");
    v.input("ids", "B N", "cluster of each token", Type::I32).optional(0).needed("same_cluster=1");
    v.output("o", "B N H D", "result, in the order of tokens");
    v.output("lse", "B H N", "natural logarithm of the sum of exponentials", Type::F32).optional();
    v.integer("chunk", {}, 1, INT32_MAX, "ranks of a chunk");
    v.flag("causal", 0, "only tokens that stand before the query in the text");
    v.flag("same_cluster", 0, "only tokens of the query's cluster");
    v.number("scale", 1 / sqrt(Value("D")), -INFINITY, INFINITY, "multiplies the dot products");
    v.divides("Hkv", "H");
    v.specials = {{"plain", {{"causal", 0}, {"same_cluster", 0}}}, {"generic", {}, false}};
}

Attention algorithm(Build &x) {
    const Dims &v = x.v;
    Expr N = x.extent("N"), S = min(x.attribute("chunk"), N), n = x.load("n_len", {v.b});
    Expr head = v.h / (x.extent("H") / x.extent("Hkv"));
    auto token = [&x, v, N](Expr rank) {
        return unsafe_promise_clamped(x.load("perm", {v.b, rank}), 0, N - 1);
    };
    auto cluster = [&x, v, token](Expr rank) { return x.load("ids", {v.b, token(rank)}); };
    const bool causal = !x.is("causal", 0), same = !x.is("same_cluster", 0);

    Attention a;
    a.queries.count = N;
    a.queries.scale = x.attribute("scale");
    a.queries.load = [=, &x](Expr d, Expr r) { return x.load("q", {v.b, token(r), v.h, d}); };
    a.queries.place = [=](Expr r) { return std::vector<Expr>{v.b, token(r), v.h}; };
    a.queries.position = token;

    Source chunk;
    chunk.name = "chunk";
    chunk.first = x.block_first() / S * S;
    chunk.last = min((x.block_last(N) / S + 1) * S, n);
    chunk.max_keys = min(N, x.query_tile + 2 * S);
    chunk.by_rows = true;
    chunk.key = [=, &x](Expr d, Expr r) { return x.load("k", {v.b, token(r), head, d}); };
    chunk.value = [=, &x](Expr d, Expr r) { return x.load("v", {v.b, token(r), head, d}); };
    chunk.row = {[=](Expr r) { return r / S * S; },
                 [=](Expr r) { return select(r < n, (r / S + 1) * S, 0); }};
    if (causal) chunk.row.push_back(token);
    if (same) chunk.row.push_back(cluster);
    Expr is_causal = x.attribute("causal") == 1, is_same = x.attribute("same_cluster") == 1;
    chunk.admit = [=](const std::vector<Expr> &row, Expr, Expr r) {
        Expr ok = r >= row[0] && r < row[1];
        if (causal) ok = ok && (!is_causal || token(r) <= row[2]);
        if (same) ok = ok && (!is_same || cluster(r) == row.back());
        return ok;
    };
    a.sources = {chunk};
    return a;
}

Cost work(Build &x) {
    auto real = [](Expr e) { return cast<double>(e); };
    Halide::RDom b(0, x.extent("B"), "batch");
    Expr n = x.load("n_len", {b}), S = x.attribute("chunk"), rest = n % S;
    Func pairs("pairs"), tokens("tokens");
    pairs() = cast<double>(0);
    pairs() += real(n / S) * real(S) * real(S) + real(rest) * real(rest);
    tokens() = cast<double>(0);
    tokens() += real(n);
    for (Func f : {pairs, tokens}) f.compute_root();
    Expr H = real(x.extent("H")), Hkv = real(x.extent("Hkv")), D = real(x.extent("D"));
    Cost c;
    c.pairs = H * pairs();
    c.flops = 4 * D * c.pairs;
    c.bytes = tokens() * (x.element_bytes() * D * (2 * H + 2 * Hkv) + 4 + 4 * H);
    return c;
}

}  // namespace

ATTUNE_VARIANT(cluster_attn) {
    Variant v("cluster_attn", "attention inside chunks of a permutation",
              "Wang et al. 2021, arXiv 2009.06097, section 3.2");
    declare(v);
    v.build = algorithm;
    v.cost = work;
    v.shape("cluster_4096", "B=1 N=4096 H=16 Hkv=16 D=64 chunk=224", "0213");
    v.shape("cluster_11440", "B=1 N=11440 H=16 Hkv=16 D=64 chunk=224", "0213");
    return v;
}

}  // namespace attune
