/* What index tensors hold: an index out of range would make a kernel read anywhere. */
#include <math.h>
#include <string.h>

#include "arguments.h"
#include "error.h"

namespace attune {

/* Walks over the rows, the innermost dimension's, of a tensor. */
class Rows {
public:
    Rows(const Arguments &a, int index)
        : t_(a.variant->tensor[index]), given_(*a.tensor[index]), stride_(a.stride[index]) {
        for (int d = 0; d < given_.ndim; d++) more_ &= given_.shape[d] > 0;
    }
    bool more() const { return more_; }
    int64_t length() const { return given_.ndim > 0 ? given_.shape[given_.ndim - 1] : 1; }
    const uint8_t *data(int size) const { return data_of(given_) + offset_ * size; }
    const int64_t *at() const { return at_; }  // in the DLTensor's dimensions

    void next() {
        for (int p = given_.ndim - 2; p >= 0; p--) {
            const int64_t stride = stride_[p + t_.rank - given_.ndim];
            offset_ += stride;
            if (++at_[p] < given_.shape[p]) return;
            offset_ -= stride * given_.shape[p];
            at_[p] = 0;
        }
        more_ = false;
    }

private:
    const attune_tensor &t_;
    const DLTensor &given_;
    const int64_t *stride_;
    int64_t at_[ATTUNE_MAX_RANK] = {}, offset_ = 0;
    bool more_ = true;
};

static int64_t element(const uint8_t *row, int64_t i, int dtype) {
    if (dtype == ATTUNE_U8) return row[i];
    int32_t value;
    memcpy(&value, row + i * 4, sizeof value);
    return value;
}

static attune_status check_ranges(const Arguments &a, int index, int64_t low, int64_t high) {
    const attune_tensor &t = a.variant->tensor[index];
    for (Rows rows(a, index); rows.more(); rows.next()) {
        const uint8_t *row = rows.data(element_size(t.dtype));
        for (int64_t i = 0; i < rows.length(); i++) {
            const int64_t value = element(row, i, t.dtype);
            if (low <= value && value <= high) continue;
            return fail(ATTUNE_BAD_VALUE,
                        "%s: tensor '%s' holds %lld at index %lld of its last dimension; expected "
                        "%lld..%lld",
                        a.variant->name, t.name, (long long)value, (long long)i, (long long)low,
                        (long long)high);
        }
    }
    return ATTUNE_OK;
}

/* Each of 0..n-1 once: in range, and no bit of `seen` set twice. */
static attune_status check_permutation(const Arguments &a, int index, int64_t n, uint64_t *seen) {
    const attune_tensor &t = a.variant->tensor[index];
    for (Rows rows(a, index); rows.more(); rows.next()) {
        const uint8_t *row = rows.data(element_size(t.dtype));
        memset(seen, 0, size_t(n + 63) / 64 * 8);
        for (int64_t i = 0; i < rows.length(); i++) {
            const int64_t value = element(row, i, t.dtype);
            const uint64_t bit = uint64_t(1) << (value & 63);
            if (!(seen[value / 64] & bit)) {
                seen[value / 64] |= bit;
                continue;
            }
            return fail(ATTUNE_BAD_VALUE,
                        "%s: tensor '%s' holds %lld twice, again at index %lld; expected a "
                        "permutation of 0..%lld",
                        a.variant->name, t.name, (long long)value, (long long)i,
                        (long long)(n - 1));
        }
    }
    return ATTUNE_OK;
}

static attune_status check_index(const Arguments &a, int index) {
    const attune_tensor &t = a.variant->tensor[index];
    const int64_t n = t.rank > 0 ? a.extent[t.extents[t.rank - 1]] : 1;
    double low = 0, high = double(n - 1);
    if (t.content == ATTUNE_RANGE) {
        if (!value_of(a, t.low, &low)) low = INT32_MIN;
        if (!value_of(a, t.high, &high)) high = INT32_MAX;
    }
    if (attune_status s = check_ranges(a, index, int64_t(ceil(low)), int64_t(floor(high))))
        return s;
    if (t.content != ATTUNE_PERMUTATION) return ATTUNE_OK;
    void *seen = a.context->scratch.take(size_t(n + 63) / 64 * 8);
    if (!seen) {
        return fail(ATTUNE_OUT_OF_MEMORY, "%s: no memory to check tensor '%s'", a.variant->name,
                    t.name);
    }
    const attune_status status = check_permutation(a, index, n, static_cast<uint64_t *>(seen));
    Scratch::give(seen);
    return status;
}

attune_status check_contents(const Arguments &a) {
    for (int i = 0; i < a.variant->tensors; i++) {
        const attune_tensor &t = a.variant->tensor[i];
        const bool integers = t.dtype == ATTUNE_I32 || t.dtype == ATTUNE_U8;
        if (!a.tensor[i] || t.output || t.content == ATTUNE_ANY || !integers) continue;
        if (attune_status status = check_index(a, i)) return status;
    }
    return ATTUNE_OK;
}

}  // namespace attune
