// What dense attention and its relatives share. Packed sequences, pages and splits differ from it
// only in where rows, keys and results are stored.
//
//     position of row i   p = i + kv_len - q_len  (bottom_right)  or  i  (top_left)  or
//                         i + q_offset
//     row i admits key j  if j < kv_len and p - left <= j <= p + right
//                         (-1: unbounded; causal sets right = 0), mask = 1 and bias > -inf
//     score               softcap(scale q k) + bias - alibi |p - j|
//
// Vaswani et al., "Attention Is All You Need", 2017 (arXiv 1706.03762); window, alignment and the
// order of the score's terms as in FlashAttention-2 and ONNX. A row that admits no key gives 0 and
// -inf, with a sink the sink's logit.
#pragma once

#include "variant.h"

namespace attune {

constexpr int kFar = 1 << 29;  // beyond any length: positions stay below 2^30

void declare_bias_and_mask(Variant &v);  // of B, Hq, Lq, Lk
void declare_alibi(Variant &v);
void declare_sink(Variant &v);
void declare_q_offset(Variant &v);
void declare_groups(Variant &v);              // query heads that share a key head: Hq/Hkv
void declare_scores(Variant &v, bool align);  // attributes

// Kernels without options for each head size, and others for the rest of them: "decode",
// "decode_any" (one query), "group", "group_any" (one query whose heads share keys), "plain",
// "band", "generic", "bias", "mask", "softcap", "full" (everything).
std::vector<Special> dense_specials(const Variant &v);

// Those of these kinds, on CPUs only. Tensors of `absent` are given to none of them; their names
// begin with `prefix`.
std::vector<Special> dense_specials(const Variant &v, const std::vector<std::string> &kinds,
                                    const std::string &prefix = "",
                                    const std::vector<std::string> &absent = {});

// The rows and keys of one sequence.
struct Sequence {
    Expr batch;                    // index of the tensors that belong to a sequence
    Expr queries, keys;            // lengths
    Expr most_queries, most_keys;  // no sequence has more: extents and attributes only
    Expr rows;                     // stored: from `queries` on they give 0
    std::function<Expr(Expr d, Expr row)> query;
    std::function<Expr(Expr d, const Key &key)> key, value;
    std::vector<std::function<Expr(Expr key)>> locate = {};  // see Source
    std::function<std::vector<Expr>(Expr row)> place = {};   // see Queries
    Expr first = 0, last = kFar;                             // the part of the keys that counts
};
using SequenceOf = std::function<Sequence(Build &x, Expr b)>;

// sequence(b) for b < batches; undefined: the first extent of the first output.
Attention dense_attention(Build &x, const SequenceOf &sequence, Expr batches = {});
Cost dense_cost(Build &x, const SequenceOf &sequence, Expr batches);

// The key head of v.h, which is itself where heads that share one are rows (special "group").
Expr kv_head(const Build &x);

}  // namespace attune
