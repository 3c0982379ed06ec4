#include <math.h>

#include "server.h"

static double largest(const float *values, size_t rows, size_t stride, size_t columns) {
    double most = 0;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) most = fmax(most, fabsf(values[i * stride + j]));
    }
    return most;
}

/* q, k and v in place, in the rows that the projection makes. */
static attune_status attend_densely(server *s, int length) {
    int64_t q_shape[4] = {1, length, HEADS, HEAD_SIZE};
    int64_t k_shape[4] = {1, length, KV_HEADS, HEAD_SIZE};
    int64_t strides[4] = {(int64_t)length * QKV_SIZE, QKV_SIZE, HEAD_SIZE, 1};
    DLTensor q = tensor_of(s->qkv, kDLFloat, 4, q_shape, strides);
    DLTensor k = tensor_of(s->qkv + Q_SIZE, kDLFloat, 4, k_shape, strides);
    DLTensor v = tensor_of(s->qkv + Q_SIZE + KV_SIZE, kDLFloat, 4, k_shape, strides);
    DLTensor o = tensor_of(s->o, kDLFloat, 4, q_shape, NULL);
    attune_dense_args args;
    attune_dense_defaults(&args);
    args.q = &q, args.k = &k, args.v = &v, args.o = &o, args.causal = 1;
    return attune_default_dense(s->context, &args);
}

attune_status check_sequence(server *s, const sequence *seq, double *difference) {
    const int length = seq->known - 1; /* the last token was generated and never attended */
    for (int t = 0; t < length; t++) {
        layer_project(s->layer, seq->tokens[t], t, s->qkv + (size_t)t * QKV_SIZE);
    }
    const attune_status status = attend_densely(s, length);
    if (status) return status;
    double most = 0;
    for (size_t i = 0; i < (size_t)length * Q_SIZE; i++) {
        const double d = fabs((double)seq->attention[i] - s->o[i]);
        if (!(d <= most)) most = d; /* NaN as well */
        if (isnan(most)) break;
    }
    *difference = most / largest(s->qkv + Q_SIZE + KV_SIZE, (size_t)length, QKV_SIZE, KV_SIZE);
    return ATTUNE_OK;
}
