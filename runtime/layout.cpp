/* Where the elements of the tensors are: strides, alignment, address ranges. */
#include <stdlib.h>

#include "arguments.h"
#include "error.h"

namespace attune {

/* Kernels compute offsets in 32 bits. */
static constexpr int64_t kMaxOffset = INT32_MAX;

/* Strides by declared dimension; false: a compact tensor of these extents is too large. */
static bool fill_strides(const attune_tensor &t, const DLTensor &given, int64_t *stride) {
    int64_t compact = 1;
    for (int d = t.rank - 1; d >= 0; d--) {
        const int p = position(t, given, d);
        stride[d] = p < 0 ? 0 : given.strides ? given.strides[p] : compact;
        if (p >= 0 && __builtin_mul_overflow(compact, given.shape[p], &compact)) return false;
        if (p >= 0 && given.shape[p] <= 1) stride[d] = 0;  // never used: any value is legal
    }
    return true;
}

/* Range of offsets that the elements have; false: an offset does not fit. */
static bool reach(const attune_tensor &t, const DLTensor &given, const int64_t *stride,
                  int64_t *low, int64_t *high) {
    *low = *high = 0;
    for (int d = 0; d < t.rank; d++) {
        const int p = position(t, given, d);
        int64_t step;
        if (p < 0) continue;
        if (__builtin_mul_overflow(stride[d], given.shape[p] - 1, &step)) return false;
        int64_t &end = step < 0 ? *low : *high;
        if (__builtin_add_overflow(end, step, &end)) return false;
    }
    return *high <= kMaxOffset && *low >= -kMaxOffset && *high - *low <= kMaxOffset;
}

static bool is_empty(const DLTensor &given) {
    for (int d = 0; d < given.ndim; d++) {
        if (given.shape[d] == 0) return true;
    }
    return false;
}

static attune_status too_far(const Arguments &a, const attune_tensor &t) {
    return fail(ATTUNE_BAD_LAYOUT,
                "%s: tensor '%s' spans more than %lld elements by its extents and strides",
                a.variant->name, t.name, (long long)kMaxOffset);
}

static attune_status check_address(Arguments &a, int index, int64_t low, int64_t high) {
    const attune_tensor &t = a.variant->tensor[index];
    const DLTensor &given = *a.tensor[index];
    const int size = element_size(dtype_of(a, t));
    uintptr_t base = reinterpret_cast<uintptr_t>(given.data);
    if (!base) {
        return fail(ATTUNE_NULL_ARGUMENT, "%s: tensor '%s' has data NULL", a.variant->name, t.name);
    }
    bool wraps = __builtin_add_overflow(base, given.byte_offset, &base);
    if (base % uintptr_t(size) != 0) {
        return fail(ATTUNE_BAD_LAYOUT,
                    "%s: data of tensor '%s' is at %#llx; expected a multiple "
                    "of %d bytes",
                    a.variant->name, t.name, (unsigned long long)base, size);
    }
    wraps |= __builtin_add_overflow(base, low * size, &a.first_byte[index]);
    wraps |= __builtin_add_overflow(base, (high + 1) * size, &a.past_byte[index]);
    return wraps ? too_far(a, t) : ATTUNE_OK;
}

/* Whether two elements of an output may have one address: a dimension's stride must exceed the
 * reach of all dimensions with smaller strides. */
static bool folds(const attune_tensor &t, const DLTensor &given, const int64_t *stride) {
    int order[ATTUNE_MAX_RANK], count = 0;
    for (int d = 0; d < t.rank; d++) {
        const int p = position(t, given, d);
        if (p < 0 || given.shape[p] <= 1) continue;
        int at = count++;
        for (; at > 0 && llabs(stride[order[at - 1]]) > llabs(stride[d]); at--) {
            order[at] = order[at - 1];
        }
        order[at] = d;
    }
    int64_t covered = 0;
    for (int i = 0; i < count; i++) {
        const int64_t step = llabs(stride[order[i]]);
        if (step <= covered) return true;
        covered += step * (given.shape[position(t, given, order[i])] - 1);
    }
    return false;
}

static attune_status check_one(Arguments &a, int index) {
    const attune_tensor &t = a.variant->tensor[index];
    const DLTensor &given = *a.tensor[index];
    int64_t *stride = a.stride[index], low, high;
    a.first_byte[index] = a.past_byte[index] = 0;
    const bool empty = is_empty(given);
    if (t.output && empty) a.nothing_to_do = true;
    if (empty) {
        for (int d = 0; d < t.rank; d++) stride[d] = 0;
        return ATTUNE_OK;
    }
    if (!fill_strides(t, given, stride)) return too_far(a, t);
    if (given.ndim > 0 && given.shape[given.ndim - 1] > 1 && stride[t.rank - 1] != 1) {
        return fail(ATTUNE_BAD_LAYOUT, "%s: tensor '%s' has innermost stride %lld; expected 1",
                    a.variant->name, t.name, (long long)stride[t.rank - 1]);
    }
    if (!reach(t, given, stride, &low, &high)) return too_far(a, t);
    if (attune_status status = check_address(a, index, low, high)) return status;
    if (t.output && folds(t, given, stride)) {
        return fail(ATTUNE_BAD_OVERLAP,
                    "%s: elements of output '%s' overlap each other by its strides",
                    a.variant->name, t.name);
    }
    return ATTUNE_OK;
}

attune_status check_layout(Arguments &a) {
    a.nothing_to_do = false;
    for (int i = 0; i < a.variant->tensors; i++) {
        if (!a.tensor[i]) continue;
        if (attune_status status = check_one(a, i)) return status;
    }
    return ATTUNE_OK;
}

static attune_status check_pair(const Arguments &a, int output, int other) {
    const bool apart =
        a.past_byte[output] <= a.first_byte[other] || a.past_byte[other] <= a.first_byte[output];
    const bool empty =
        a.first_byte[output] == a.past_byte[output] || a.first_byte[other] == a.past_byte[other];
    if (apart || empty) return ATTUNE_OK;
    const attune_tensor *t = a.variant->tensor;
    return fail(ATTUNE_BAD_OVERLAP,
                "%s: output '%s' at bytes %#llx..%#llx overlaps %s '%s' at %#llx..%#llx",
                a.variant->name, t[output].name, (unsigned long long)a.first_byte[output],
                (unsigned long long)a.past_byte[output] - 1, t[other].output ? "output" : "input",
                t[other].name, (unsigned long long)a.first_byte[other],
                (unsigned long long)a.past_byte[other] - 1);
}

attune_status check_overlap(const Arguments &a) {
    for (int i = 0; i < a.variant->tensors; i++) {
        if (!a.tensor[i] || !a.variant->tensor[i].output) continue;
        for (int j = 0; j < a.variant->tensors; j++) {
            const bool seen = a.variant->tensor[j].output && j <= i;
            if (!a.tensor[j] || seen) continue;
            if (attune_status status = check_pair(a, i, j)) return status;
        }
    }
    return ATTUNE_OK;
}

}  // namespace attune
