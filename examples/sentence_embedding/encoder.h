// The encoder of all-MiniLM-L6-v2: BERT with 6 layers, mean pooling, unit length (Devlin et al.
// 2018; Wang et al. 2020, MiniLM; Reimers and Gurevych 2019, Sentence-BERT).
#ifndef SENTENCE_EMBEDDING_ENCODER_H
#define SENTENCE_EMBEDDING_ENCODER_H

#include <functional>
#include <vector>

#include "attention.h"
#include "thread_pool.h"
#include "weights.h"

/// Seconds spent in encode() calls so far.
struct Timing {
    double attention = 0, total = 0;
};

class Encoder {
public:
    /// threads must outlive this. Throws AttuneError if no context can be made.
    Encoder(Weights weights, const ThreadPool &threads);

    /// Embeddings [sequences, kWidth], rows of length 1, of sequences of token ids; shorter ones
    /// are padded to the longest. Throws BadInput for an empty or too long sequence or an id out of
    /// range, AttuneError if attention fails.
    Rows encode(const std::vector<std::vector<int>> &sequences);

    const Timing &timing() const { return timing_; }

private:
    Rows embed(const std::vector<std::vector<int>> &sequences, int64_t length) const;
    void project(const Layer &layer, const Rows &x, Rows *qkv) const;
    void attend(const Rows &qkv, const std::vector<int32_t> &lengths, int64_t length,
                Rows *context);
    void finish(const Layer &layer, const Rows &context, Rows *x) const;
    void for_blocks(int64_t rows, const std::function<void(int64_t, int64_t)> &work) const;

    const ThreadPool &threads_;
    Attention attention_;
    const Weights weights_;
    Timing timing_;
};

#endif
