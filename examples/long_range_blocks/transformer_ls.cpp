#include "layers.h"
#include "random_weights.h"
#include "timer.h"

namespace {

constexpr int64_t kHeadCount = 6, kSize = kWidth / kHeadCount, kRank = 32, kPadding = 48;
constexpr int kWindow = 16;

struct Parameters {
    Linear qkv = stacked({random_linear(1, kWidth, kWidth), random_linear(2, kWidth, kWidth),
                          random_linear(3, kWidth, kWidth)});
    Linear logits = random_linear(4, kHeadCount *kRank, kWidth);
    Linear out = random_linear(5, kWidth, kWidth);
    Rows cls = uniform(6, 1, kWidth, 1.f);
    Norm tokens = random_norm(7, kWidth), landmarks = random_norm(8, kWidth);
};

// q, k or v of rows that hold all three.
Tensor third(const Rows &qkv, int64_t which) {
    const float *first = qkv.data() + which * kWidth;
    if (qkv.rows() == 1) return {first, {1, kHeadCount, kSize}};
    return {first, {1, qkv.rows(), kHeadCount, kSize}, {qkv.size(), qkv.cols(), kSize, 1}};
}

}  // namespace

Rows transformer_ls(attune_context *context, const Rows &text, Seconds *seconds) {
    const Parameters weights;
    Rows x = text;
    x.bottomRows(kPadding).setZero();
    std::vector<uint8_t> kept(kTokens, 1);
    std::fill(kept.end() - kPadding, kept.end(), uint8_t{0});

    Rows qkv, cls, logits, attended(1 + kTokens, kWidth);
    {
        Timer timer(&seconds->products);
        qkv = apply(weights.qkv, x);
        cls = apply(weights.qkv, weights.cls);
        logits = apply(weights.logits, x);
    }
    Tensor q = third(qkv, 0), k = third(qkv, 1), v = third(qkv, 2);
    Tensor qc = third(cls, 0), kc = third(cls, 1), vc = third(cls, 2);
    Tensor s(logits.data(), {1, kTokens, kHeadCount, kRank}), keep(kept.data(), {1, kTokens});
    Tensor gT(weights.tokens.scale.data(), {kWidth}), bT(weights.tokens.shift.data(), {kWidth});
    Tensor gL(weights.landmarks.scale.data(), {kWidth});
    Tensor bL(weights.landmarks.shift.data(), {kWidth});
    Tensor out(attended.data(), {1, 1 + kTokens, kHeadCount, kSize});
    attune_tls_bidir_args args;
    attune_tls_bidir_defaults(&args);
    args.q = q, args.k = k, args.v = v, args.s = s, args.keep = keep;
    args.gT = gT, args.bT = bT, args.gL = gL, args.bL = bL;
    args.qc = qc, args.kc = kc, args.vc = vc, args.out = out;
    args.w = kWindow, args.r = kRank;
    {
        Timer timer(&seconds->attention);
        check(attune_default_tls_bidir(context, &args));
    }
    Timer timer(&seconds->products);
    return apply(weights.out, attended);
}
