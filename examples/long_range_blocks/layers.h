// The authors' layers around the kernels: projections are Eigen's, all else is one call of Attune.
// Weights are random; sizes are those of the papers' models where the width of 384 allows it.
#ifndef LONG_RANGE_BLOCKS_LAYERS_H
#define LONG_RANGE_BLOCKS_LAYERS_H

#include "tensor.h"
#include "weights.h"

/// Tokens of the text that every layer takes, with kWidth channels.
constexpr int64_t kTokens = 2048;

/// Seconds that a layer spends in matrix products and in calls of Attune.
struct Seconds {
    double products = 0, attention = 0;
};

/// AttentionLS of Transformer-LS for the Long Range Arena (Zhu et al. 2021) with a CLS token: row 0
/// of the result is its own. Segments of 16 tokens, 32 landmarks; the last 48 tokens are padding.
Rows transformer_ls(attune_context *context, const Rows &text, Seconds *seconds);

/// Decoder LSRA of Lite Transformer (Wu et al. 2020): one half of the channels through 4 causal
/// heads, the other through a gated linear unit and dynamic filters of 31 taps. The text is two
/// sequences, time first: row t * 2 + b of the result is token t of sequence b.
class Lsra {
public:
    Lsra();
    Rows whole(attune_context *context, const Rows &text, Seconds *seconds) const;
    /// The same rows, one token of both sequences at a time, from a state that grows.
    Rows steps(attune_context *context, const Rows &text, Seconds *seconds) const;

private:
    class State;
    void project(const Rows &x, int64_t first, int64_t count, State *state) const;
    void step(attune_context *context, int64_t n, const State &state) const;
    Rows project_back(const Eigen::Ref<const Rows> &mixed) const;

    Linear qkv_, gated_, filters_, attended_, filtered_;
};

/// Combiner (Ren et al. 2021): x + attention of LayerNorm(x), causal, rows of 64 tokens; axial with
/// projected keys of summaries, and mixture with running maxima.
Rows combiner_axial(attune_context *context, const Rows &text, Seconds *seconds);
Rows combiner_mixture(attune_context *context, const Rows &text, Seconds *seconds);

#endif
