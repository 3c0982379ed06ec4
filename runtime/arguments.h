/* The arguments of one call, checked against the tables of its variant. */
#ifndef ATTUNE_ARGUMENTS_H
#define ATTUNE_ARGUMENTS_H

#include <stdint.h>

#include "attune_pack.h"
#include "context.h"

namespace attune {

union Scalar {
    int32_t i;
    float f;
};

struct Arguments {
    attune_context *context;
    const attune_pack *pack;
    const attune_variant *variant;
    const void *args;
    size_t args_size;

    const DLTensor *tensor[ATTUNE_MAX_TENSORS];  // NULL: absent
    /* By the declared dimensions, outermost first; 0 where a dimension is left out or broadcast. */
    int64_t stride[ATTUNE_MAX_TENSORS][ATTUNE_MAX_RANK];
    uintptr_t first_byte[ATTUNE_MAX_TENSORS], past_byte[ATTUNE_MAX_TENSORS];  // equal: empty
    int rank[ATTUNE_MAX_TENSORS];        // dimensions given; -1: absent
    int64_t extent[ATTUNE_MAX_EXTENTS];  // 0 for a symbol of absent tensors only
    int owner[ATTUNE_MAX_EXTENTS];       // the tensor that decided it; -1: none
    Scalar attribute[ATTUNE_MAX_ATTRIBUTES];
    double number[ATTUNE_MAX_ATTRIBUTES];  // the same as a number
    int storage;         // ATTUNE_F32, ...; ATTUNE_STORAGE when no storage tensor is given
    bool nothing_to_do;  // an output has no elements
};

/* Fills `a` or says what is wrong. The steps, in this order: */
attune_status check_arguments(attune_context *context, const attune_pack *pack, int variant,
                              const void *args, Arguments *a);
attune_status check_tensors(Arguments &a);     // presence, device, rank, dtype
attune_status check_extents(Arguments &a);     // symbols that tensors decide, broadcast
attune_status check_attributes(Arguments &a);  // presence, range, fallback; derived extents
attune_status check_derived(const Arguments &a);
attune_status check_rules(const Arguments &a);  // tensors needed, rules, tensors' derived extents
attune_status check_layout(Arguments &a);       // strides, alignment, offsets
attune_status check_overlap(const Arguments &a);
attune_status check_contents(const Arguments &a);  // index tensors

/* NaN: there is no formula. */
double value_of(const Arguments &a, const attune_formula &formula);
inline bool is_derived(const attune_variant &v, int symbol) {
    return v.derived && v.derived[symbol].terms > 0;
}

int element_size(int dtype);
const char *dtype_name(int dtype);
inline int dtype_of(const Arguments &a, const attune_tensor &t) {
    if (t.dtype != ATTUNE_STORAGE) return t.dtype;
    return a.storage == ATTUNE_STORAGE ? int(ATTUNE_F32) : a.storage;
}

/* Position in the DLTensor of declared dimension d; -1: it is left out. */
inline int position(const attune_tensor &t, const DLTensor &given, int d) {
    return d - (t.rank - given.ndim);
}

/* Whether a dimension may have extent 1 in place of its symbol's. */
inline bool may_be_one(const attune_tensor &t, int d) { return t.broadcast[d] && !t.output; }

inline const uint8_t *data_of(const DLTensor &tensor) {
    return static_cast<const uint8_t *>(tensor.data) + tensor.byte_offset;
}

}  // namespace attune
#endif
