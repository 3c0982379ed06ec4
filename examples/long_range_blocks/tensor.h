// What a call of Attune takes: a context, and descriptions of tensors in place.
#ifndef LONG_RANGE_BLOCKS_TENSOR_H
#define LONG_RANGE_BLOCKS_TENSOR_H

#include <attune_default.h>

#include <vector>

#include "attention.h"

inline void check(attune_status status) {
    if (status != ATTUNE_OK) throw AttuneError(status, attune_error_message());
}

class Context {
public:
    /// threads: 0: all.
    explicit Context(int threads) {
        attune_options options;
        attune_options_defaults(&options);
        options.threads = threads;
        check(attune_context_create(&options, &context_));
    }
    ~Context() { attune_context_destroy(context_); }
    Context(const Context &) = delete;
    Context &operator=(const Context &) = delete;
    operator attune_context *() const { return context_; }

private:
    attune_context *context_ = nullptr;
};

/// A DLTensor of numbers that somebody else owns. Steps count elements; none: C order.
class Tensor {
public:
    Tensor(const float *data, std::vector<int64_t> shape, std::vector<int64_t> steps = {})
        : Tensor(data, {kDLFloat, 32, 1}, std::move(shape), std::move(steps)) {}
    Tensor(const uint8_t *data, std::vector<int64_t> shape)
        : Tensor(data, {kDLUInt, 8, 1}, std::move(shape), {}) {}
    Tensor(const Tensor &) = delete;
    Tensor &operator=(const Tensor &) = delete;
    operator DLTensor *() { return &tensor_; }

private:
    Tensor(const void *data, DLDataType type, std::vector<int64_t> shape,
           std::vector<int64_t> steps)
        : shape_(std::move(shape)), steps_(std::move(steps)) {
        tensor_.data = const_cast<void *>(data);
        tensor_.device = {kDLCPU, 0};
        tensor_.ndim = static_cast<int>(shape_.size());
        tensor_.dtype = type;
        tensor_.shape = shape_.data();
        tensor_.strides = steps_.empty() ? nullptr : steps_.data();
        tensor_.byte_offset = 0;
    }

    std::vector<int64_t> shape_, steps_;
    DLTensor tensor_;
};

#endif
