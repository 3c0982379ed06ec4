// Self-attention of a padded batch with Attune.
#ifndef SENTENCE_EMBEDDING_ATTENTION_H
#define SENTENCE_EMBEDDING_ATTENTION_H

#include <attune.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "thread_pool.h"

struct AttuneError : std::runtime_error {
    AttuneError(attune_status code, const std::string &message)
        : std::runtime_error(message), status(code) {}
    attune_status status;
};

class Attention {
public:
    /// threads must outlive this. Throws AttuneError.
    explicit Attention(const ThreadPool &threads);
    ~Attention();
    Attention(const Attention &) = delete;
    Attention &operator=(const Attention &) = delete;

    /// qkv: [batch, length, 3, heads, head_size], what one product with the three weights gives.
    /// Only the first lengths[b] keys of sequence b count. output: [batch, length, heads,
    /// head_size]. Throws AttuneError.
    void attend(const float *qkv, const std::vector<int32_t> &lengths, int64_t length,
                int64_t heads, int64_t head_size, float *output) const;

private:
    attune_context *context_ = nullptr;
};

#endif
