#include "encoder.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <unsupported/Eigen/SpecialFunctions>

#include "bad_input.h"

namespace {

// Tokens of a task. Fixed, so that the same products run whatever the number of threads is; the
// block's inner activations (64 x 1536 floats, 384 KiB) stay in a core's own cache.
constexpr int64_t kBlock = 64;

double seconds() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
}

int64_t longest(const std::vector<std::vector<int>> &sequences) {
    size_t length = 0;
    for (const auto &ids : sequences) length = std::max(length, ids.size());
    return static_cast<int64_t>(length);
}

void check_ids(const std::vector<int> &ids) {
    if (ids.empty() || ids.size() > kPositions) {
        throw BadInput("a sequence has " + std::to_string(ids.size()) + " tokens, not 1 to " +
                       std::to_string(kPositions));
    }
    for (int id : ids) {
        if (id < 0 || id >= kVocabulary) {
            throw BadInput("token id " + std::to_string(id) + " is not in 0 to " +
                           std::to_string(kVocabulary - 1));
        }
    }
}

void normalize(Eigen::Ref<Rows> x, const Norm &norm) {
    constexpr float kEpsilon = 1e-12f;
    for (int64_t i = 0; i < x.rows(); i++) {
        auto row = x.row(i).array();
        row -= row.mean();
        row *= 1 / std::sqrt(row.square().mean() + kEpsilon);
        row = row * norm.scale.array() + norm.shift.array();
    }
}

// x / 2 (1 + erf(x / sqrt(2))): BERT's GELU, not the tanh approximation.
void gelu(Rows *x) {
    auto a = x->array();
    a = 0.5f * a * (1.0f + (a * float(M_SQRT1_2)).erf());
}

// Mean over a sequence's own tokens, then unit length.
Rows pool(const Rows &x, const std::vector<int32_t> &lengths, int64_t length) {
    Rows means(static_cast<int64_t>(lengths.size()), x.cols());
    for (int64_t b = 0; b < means.rows(); b++) {
        means.row(b) = x.middleRows(b * length, lengths[b]).colwise().mean().normalized();
    }
    return means;
}

}  // namespace

Encoder::Encoder(Weights weights, const ThreadPool &threads)
    : threads_(threads), attention_(threads), weights_(std::move(weights)) {}

void Encoder::for_blocks(int64_t rows, const std::function<void(int64_t, int64_t)> &work) const {
    const auto blocks = static_cast<int>((rows + kBlock - 1) / kBlock);
    threads_.run(blocks,
                 [&](int block) { work(block * kBlock, std::min(kBlock, rows - block * kBlock)); });
}

// Word, position and type 0; padding has zeros, which LayerNorm turns into its shift.
Rows Encoder::embed(const std::vector<std::vector<int>> &sequences, int64_t length) const {
    Rows x = Rows::Zero(static_cast<int64_t>(sequences.size()) * length, kWidth);
    int64_t first = 0;
    for (const auto &ids : sequences) {
        for (size_t i = 0; i < ids.size(); i++) {
            const auto position = static_cast<int64_t>(i);
            x.row(first + position) = weights_.words.row(ids[i]) +
                                      weights_.positions.row(position) + weights_.types.row(0);
        }
        first += length;
    }
    normalize(x, weights_.embedding_norm);
    return x;
}

void Encoder::project(const Layer &layer, const Rows &x, Rows *qkv) const {
    for_blocks(x.rows(), [&](int64_t first, int64_t rows) {
        auto y = qkv->middleRows(first, rows);
        y.noalias() = x.middleRows(first, rows) * layer.qkv.weight.transpose();
        y.rowwise() += layer.qkv.bias;
    });
}

void Encoder::attend(const Rows &qkv, const std::vector<int32_t> &lengths, int64_t length,
                     Rows *context) {
    const double start = seconds();
    attention_.attend(qkv.data(), lengths, length, kHeads, kWidth / kHeads, context->data());
    timing_.attention += seconds() - start;
}

// All that follows the attention goes row by row: output projection, two LayerNorms, the MLP.
void Encoder::finish(const Layer &layer, const Rows &context, Rows *x) const {
    for_blocks(x->rows(), [&](int64_t first, int64_t rows) {
        auto y = x->middleRows(first, rows);
        y.noalias() += context.middleRows(first, rows) * layer.attended.weight.transpose();
        y.rowwise() += layer.attended.bias;
        normalize(y, layer.attention_norm);
        Rows inner(rows, kInner);
        inner.noalias() = y * layer.up.weight.transpose();
        inner.rowwise() += layer.up.bias;
        gelu(&inner);
        y.noalias() += inner * layer.down.weight.transpose();
        y.rowwise() += layer.down.bias;
        normalize(y, layer.output_norm);
    });
}

Rows Encoder::encode(const std::vector<std::vector<int>> &sequences) {
    const double start = seconds();
    std::vector<int32_t> lengths;
    for (const auto &ids : sequences) {
        check_ids(ids);
        lengths.push_back(static_cast<int32_t>(ids.size()));
    }
    if (sequences.empty()) return Rows(0, kWidth);
    const int64_t length = longest(sequences);
    Rows x = embed(sequences, length), qkv(x.rows(), 3 * kWidth), context(x.rows(), kWidth);
    for (const Layer &layer : weights_.layers) {
        project(layer, x, &qkv);
        attend(qkv, lengths, length, &context);
        finish(layer, context, &x);
    }
    Rows embeddings = pool(x, lengths, length);
    timing_.total += seconds() - start;
    return embeddings;
}
