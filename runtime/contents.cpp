/* What index tensors hold: an index out of range would make a kernel read anywhere. */
#include <math.h>
#include <stdio.h>
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

/* "[1, 3]": element i of the row. */
struct Place {
    char text[24 * ATTUNE_MAX_RANK] = "[";
    Place(const Arguments &a, int index, const Rows &rows, int64_t i) {
        const int last = a.tensor[index]->ndim - 1;
        for (int p = 0; p <= last; p++) {
            const size_t length = strlen(text);
            snprintf(text + length, sizeof text - length, "%lld%s",
                     (long long)(p < last ? rows.at()[p] : i), p < last ? ", " : "");
        }
        strcat(text, "]");
    }
};

/* How many elements of the row are read. */
static int64_t used_length(const Arguments &a, int index, const Rows &rows) {
    const attune_tensor &t = a.variant->tensor[index];
    if (!t.used) return rows.length();
    const int by = t.used - 1;
    double count = value_of(a, a.variant->tensor[by].absent);
    if (a.tensor[by]) {
        const uint8_t *data = data_of(*a.tensor[by]) + rows.at()[0] * a.stride[by][0] * 4;
        count = double(element(data, 0, ATTUNE_I32));
    }
    // Its own contents may not have been checked yet.
    return int64_t(fmin(fmax(ceil(count / value_of(a, t.used_by)), 0), double(rows.length())));
}

struct Limits {
    int64_t low, high;
};

static attune_status check_ranges(const Arguments &a, int index, Limits limits) {
    const attune_tensor &t = a.variant->tensor[index];
    for (Rows rows(a, index); rows.more(); rows.next()) {
        const uint8_t *row = rows.data(element_size(t.dtype));
        const int64_t length = used_length(a, index, rows);
        for (int64_t i = 0; i < length; i++) {
            const int64_t value = element(row, i, t.dtype);
            if (limits.low <= value && value <= limits.high) continue;
            return fail(ATTUNE_BAD_VALUE, "%s: tensor '%s' holds %lld at %s; expected %lld..%lld",
                        a.variant->name, t.name, (long long)value, Place(a, index, rows, i).text,
                        (long long)limits.low, (long long)limits.high);
        }
    }
    return ATTUNE_OK;
}

static attune_status bad_offset(const Arguments &a, int index, const Rows &rows, int64_t i,
                                int64_t value, Limits limits) {
    return fail(ATTUNE_BAD_VALUE, "%s: tensor '%s' holds offset %lld at %s; expected %lld..%lld",
                a.variant->name, a.variant->tensor[index].name, (long long)value,
                Place(a, index, rows, i).text, (long long)limits.low, (long long)limits.high);
}

/* From 0 on, by steps of 0..most, the last within `end`. */
static attune_status check_offsets(const Arguments &a, int index, Limits end, int64_t most) {
    for (Rows rows(a, index); rows.more(); rows.next()) {
        const uint8_t *row = rows.data(4);
        Limits step = {0, 0};
        for (int64_t i = 0; i < rows.length(); i++) {
            const int64_t value = element(row, i, ATTUNE_I32);
            const bool fits = step.low <= value && value <= step.high;
            if (!fits) return bad_offset(a, index, rows, i, value, step);
            const bool last = i == rows.length() - 1;
            if (last && value < end.low) return bad_offset(a, index, rows, i, value, end);
            step = {value, value + most < end.high ? value + most : end.high};
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
                        "%s: tensor '%s' holds %lld twice, again at %s; expected a permutation of "
                        "0..%lld",
                        a.variant->name, t.name, (long long)value, Place(a, index, rows, i).text,
                        (long long)(n - 1));
        }
    }
    return ATTUNE_OK;
}

static int64_t whole(double number, int64_t otherwise) {
    return isnan(number) ? otherwise : int64_t(fmin(fmax(number, -1e18), 1e18));
}

/* The whole numbers between two formulas; without a formula, all of i32. */
static Limits limits_of(const Arguments &a, const attune_tensor &t) {
    return {whole(ceil(value_of(a, t.low)), INT32_MIN),
            whole(floor(value_of(a, t.high)), INT32_MAX)};
}

static attune_status check_index(const Arguments &a, int index) {
    const attune_tensor &t = a.variant->tensor[index];
    const int64_t n = t.rank > 0 ? a.extent[t.extents[t.rank - 1]] : 1;
    if (t.content == ATTUNE_OFFSETS)
        return check_offsets(a, index, limits_of(a, t), whole(value_of(a, t.most), INT32_MAX));
    const Limits limits = t.content == ATTUNE_RANGE ? limits_of(a, t) : Limits{0, n - 1};
    if (attune_status status = check_ranges(a, index, limits)) return status;
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
