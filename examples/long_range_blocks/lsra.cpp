#include "layers.h"

#include <algorithm>

#include "random_weights.h"
#include "timer.h"

namespace {

constexpr int64_t kHalf = kWidth / 2, kParts = 4, kSize = kHalf / kParts, kBatch = 2, kTaps = 31;
constexpr int64_t kLength = kTokens / kBatch;

// Sequences one after the other become tokens of all sequences.
Rows time_first(const Rows &text) {
    Rows x(kTokens, kWidth);
    for (int64_t i = 0; i < kTokens; i++) x.row(i % kLength * kBatch + i / kLength) = text.row(i);
    return x;
}

}  // namespace

// What a decoder keeps of the tokens so far: a step reads the keys, the values and the last rows of
// u where they are.
class Lsra::State {
public:
    Rows qkv{kTokens, 3 * kHalf}, u{kTokens, kHalf}, filters{kTokens, kParts *kTaps};
    Rows mixed{kTokens, kWidth};

    // Of `count` tokens of both sequences: [count, kBatch, kParts, columns].
    Tensor q(int64_t first, int64_t count) const { return part(qkv, first, count, 0, kSize); }
    Tensor k(int64_t first, int64_t count) const { return part(qkv, first, count, kHalf, kSize); }
    Tensor v(int64_t first, int64_t count) const {
        return part(qkv, first, count, 2 * kHalf, kSize);
    }
    Tensor taps(int64_t first, int64_t count) const { return part(u, first, count, 0, kSize); }
    Tensor logits(int64_t first, int64_t count) const {
        return part(filters, first, count, 0, kTaps);
    }
    Tensor result(int64_t first, int64_t count) const {
        return {mixed.row(first * kBatch).data(), {count, kBatch, kWidth}};
    }

private:
    static Tensor part(const Rows &rows, int64_t first, int64_t count, int64_t column,
                       int64_t columns) {
        const int64_t width = rows.cols();
        return {rows.data() + first * kBatch * width + column,
                {count, kBatch, kParts, columns},
                {kBatch * width, width, columns, 1}};
    }
};

Lsra::Lsra()
    : qkv_(stacked({random_linear(1, kHalf, kHalf), random_linear(2, kHalf, kHalf),
                    random_linear(3, kHalf, kHalf)})),
      gated_(random_linear(5, 2 * kHalf, kHalf)),
      filters_(random_linear(6, kParts * kTaps, kHalf, false)),
      attended_(random_linear(4, kHalf, kHalf)),
      filtered_(random_linear(7, kHalf, kHalf)) {}

// Both branches up to the kernel, of tokens [first, first + count).
void Lsra::project(const Rows &x, int64_t first, int64_t count, State *state) const {
    const auto rows = x.middleRows(first * kBatch, count * kBatch);
    const auto at = [&](Rows &all) { return all.middleRows(first * kBatch, count * kBatch); };
    at(state->qkv) = apply(qkv_, rows.leftCols(kHalf));
    const Rows z = apply(gated_, rows.rightCols(kHalf));
    const auto gate = z.rightCols(kHalf).array();
    at(state->u) = (z.leftCols(kHalf).array() / (1 + (-gate).exp())).matrix();
    at(state->filters) = apply(filters_, at(state->u));
}

Rows Lsra::project_back(const Eigen::Ref<const Rows> &mixed) const {
    Rows y(mixed.rows(), kWidth);
    y.leftCols(kHalf) = apply(attended_, mixed.leftCols(kHalf));
    y.rightCols(kHalf) = apply(filtered_, mixed.rightCols(kHalf));
    return y;
}

Rows Lsra::whole(attune_context *context, const Rows &text, Seconds *seconds) const {
    State state;
    {
        Timer timer(&seconds->products);
        project(time_first(text), 0, kLength, &state);
    }
    Tensor q = state.q(0, kLength), k = state.k(0, kLength), v = state.v(0, kLength);
    Tensor u = state.taps(0, kLength), wl = state.logits(0, kLength);
    Tensor ctx = state.result(0, kLength);
    attune_lsra_core_args args;
    attune_lsra_core_defaults(&args);
    args.q = q, args.k = k, args.v = v, args.u = u, args.wl = wl, args.ctx = ctx;
    args.K = kTaps, args.P = kTaps - 1, args.causal = 1;
    {
        Timer timer(&seconds->attention);
        check(attune_default_lsra_core(context, &args));
    }
    Timer timer(&seconds->products);
    return project_back(state.mixed);
}

// Token n, after the n before it.
void Lsra::step(attune_context *context, int64_t n, const State &state) const {
    const int64_t rows = std::min(n, kTaps - 1);  // of u that its filter reaches
    Tensor q = state.q(n, 1), k = state.k(n, 1), v = state.v(n, 1), u = state.taps(n, 1);
    Tensor wl = state.logits(n, 1), ctx = state.result(n, 1);
    Tensor keys = state.k(0, n), values = state.v(0, n), buf = state.taps(n - rows, rows);
    attune_lsra_core_step_args args;
    attune_lsra_core_step_defaults(&args);
    args.q = q, args.k = k, args.v = v, args.u = u, args.wl = wl, args.ctx = ctx;
    if (n > 0) args.Kc = keys, args.Vc = values;
    if (rows > 0) args.buf = buf;
    args.K = kTaps, args.steps = 1;
    check(attune_default_lsra_core_step(context, &args));
}

Rows Lsra::steps(attune_context *context, const Rows &text, Seconds *seconds) const {
    const Rows x = time_first(text);
    State state;
    Rows y(kTokens, kWidth);
    for (int64_t n = 0; n < kLength; n++) {
        {
            Timer timer(&seconds->products);
            project(x, n, 1, &state);
        }
        {
            Timer timer(&seconds->attention);
            step(context, n, state);
        }
        Timer timer(&seconds->products);
        y.middleRows(n * kBatch, kBatch) = project_back(state.mixed.middleRows(n * kBatch, kBatch));
    }
    return y;
}
