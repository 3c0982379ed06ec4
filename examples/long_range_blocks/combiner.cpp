#include "layers.h"
#include "random_weights.h"
#include "timer.h"

namespace {

constexpr int64_t kHeadCount = 6, kSize = kWidth / kHeadCount;
constexpr int kRow = 64;
constexpr float kEpsilon = 1e-6f;

// What the two layers share: x + attention of LayerNorm(x), projections without biases.
class Block {
public:
    Block(const Rows &text, Seconds *seconds) : text_(text), seconds_(seconds) {
        Timer timer(&seconds->products);
        x = normalized(text, random_norm(5, kWidth), kEpsilon);
        qkv_ = apply(projection_, x);
    }

    // q, k or v of rows that hold all three.
    Tensor part(int64_t which) const {
        return {qkv_.data() + which * kWidth,
                {1, kTokens, kHeadCount, kSize},
                {qkv_.size(), qkv_.cols(), kSize, 1}};
    }
    Tensor result() const { return {mixed_.data(), {1, kTokens, kHeadCount, kSize}}; }

    Rows finish() const {
        Timer timer(&seconds_->products);
        return text_ + apply(out_, mixed_);
    }

    Rows x;  // what q, k and v are made of

private:
    const Rows &text_;
    Seconds *seconds_;
    const Linear projection_ =
        stacked({random_linear(1, kWidth, kWidth, false), random_linear(2, kWidth, kWidth, false),
                 random_linear(3, kWidth, kWidth, false)});
    const Linear out_ = random_linear(4, kWidth, kWidth, false);
    Rows qkv_, mixed_{kTokens, kWidth};
};

}  // namespace

Rows combiner_axial(attune_context *context, const Rows &text, Seconds *seconds) {
    const Rows to_width = uniform(11, kWidth, kWidth), to_keys = uniform(12, kWidth, kWidth);
    const Norm norm = random_norm(13, kWidth);
    const Block block(text, seconds);
    Tensor q = block.part(0), k = block.part(1), v = block.part(2), o = block.result();
    Tensor x(block.x.data(), {1, kTokens, kWidth});
    Tensor W1(to_width.data(), {kHeadCount, kSize, kWidth});
    Tensor W2(to_keys.data(), {kWidth, kHeadCount, kSize});
    Tensor gamma(norm.scale.data(), {kWidth}), beta(norm.shift.data(), {kWidth});
    attune_combiner_axial_rowmajor_args args;
    attune_combiner_axial_rowmajor_defaults(&args);
    args.q = q, args.k = k, args.v = v, args.o = o, args.x = x;
    args.W1 = W1, args.gamma = gamma, args.beta = beta, args.W2 = W2;
    args.M = kRow, args.causal = 1, args.eps = kEpsilon;
    args.summary = ATTUNE_COMBINER_AXIAL_ROWMAJOR_SUMMARY_PROJ;
    {
        Timer timer(&seconds->attention);
        check(attune_default_combiner_axial_rowmajor(context, &args));
    }
    return block.finish();
}

Rows combiner_mixture(attune_context *context, const Rows &text, Seconds *seconds) {
    const Block block(text, seconds);
    Tensor q = block.part(0), k = block.part(1), v = block.part(2), o = block.result();
    attune_combiner_mixture_causal_args args;
    attune_combiner_mixture_causal_defaults(&args);
    args.q = q, args.k = k, args.v = v, args.o = o;
    args.M = kRow;
    {
        Timer timer(&seconds->attention);
        check(attune_default_combiner_mixture_causal(context, &args));
    }
    return block.finish();
}
