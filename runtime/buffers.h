#ifndef ATTUNE_BUFFERS_H
#define ATTUNE_BUFFERS_H

#include <HalideRuntime.h>

#include "arguments.h"

namespace attune {

/* The tensors of a call as generated code takes them, dimensions innermost first. */
class Buffers {
public:
    explicit Buffers(const Arguments &a) : a_(a) {}
    ~Buffers();
    Buffers(const Buffers &) = delete;
    Buffers &operator=(const Buffers &) = delete;

    void make_inputs();
    attune_status make_outputs();  // takes scratch for those that are absent
    halide_buffer_t *operator[](int tensor) { return &buffer_[tensor]; }

private:
    void describe(int tensor, int rank, const int *symbols, const int64_t *stride);
    void point_at_constant(int tensor);
    attune_status view_output(int tensor, int first);
    attune_status take_scratch(int tensor, int first, int64_t *stride);

    /* Whole vectors of the value, so that a kernel that reads past a single element is right. */
    struct alignas(64) Constant {
        uint8_t bytes[64];
    };

    const Arguments &a_;
    halide_buffer_t buffer_[ATTUNE_MAX_TENSORS] = {};
    halide_dimension_t dim_[ATTUNE_MAX_TENSORS][ATTUNE_MAX_RANK];
    Constant constant_[ATTUNE_MAX_TENSORS];
    void *scratch_[ATTUNE_MAX_TENSORS] = {};
};

}  // namespace attune
#endif
