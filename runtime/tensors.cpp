/* What can be said of tensors one by one, and the extents that they share. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "error.h"

namespace attune {

struct Dtype {
    const char *name;
    int code, bits;
};
static const Dtype dtypes[] = {
    {"f32, f16 or bf16", -1, 0},  // ATTUNE_STORAGE
    {"f32", kDLFloat, 32},       {"f16", kDLFloat, 16}, {"bf16", kDLBfloat, 16},
    {"i32", kDLInt, 32},         {"u8", kDLUInt, 8},
};
static constexpr int kBool = 6;  // newer DLPack's kDLBool: one byte an element

int element_size(int dtype) { return dtypes[dtype].bits / 8; }
const char *dtype_name(int dtype) { return dtypes[dtype].name; }

/* enum attune_dtype, or -1. */
static int classify(const DLDataType &type) {
    if (type.lanes != 1) return -1;
    if (type.code == kBool && type.bits == 8) return ATTUNE_U8;
    for (int d = ATTUNE_F32; d <= ATTUNE_U8; d++) {
        if (type.code == dtypes[d].code && type.bits == dtypes[d].bits) return d;
    }
    return -1;
}

struct TypeText {
    char text[48];
    explicit TypeText(const DLDataType &type) {
        const int known = classify(type);
        if (known > 0) {
            snprintf(text, sizeof text, "%s", dtype_name(known));
        } else {
            snprintf(text, sizeof text, "DLPack code %d, %d bits, %d lanes", type.code, type.bits,
                     type.lanes);
        }
    }
};

static attune_status check_rank(const Arguments &a, const attune_tensor &t, const DLTensor &given) {
    if (given.ndim != t.rank && given.ndim != t.rank - t.leading) {
        char less[16] = "";
        if (t.leading == 1) snprintf(less, sizeof less, " or one less");
        if (t.leading > 1) snprintf(less, sizeof less, " or %d", t.rank - t.leading);
        return fail(ATTUNE_BAD_RANK, "%s: tensor '%s' has %d dimensions; expected %d%s",
                    a.variant->name, t.name, given.ndim, t.rank, less);
    }
    if (given.ndim > 0 && !given.shape) {
        return fail(ATTUNE_NULL_ARGUMENT, "%s: tensor '%s' has shape NULL", a.variant->name,
                    t.name);
    }
    for (int d = 0; d < given.ndim; d++) {
        const int64_t extent = given.shape[d];
        if (extent >= 0 && extent <= INT32_MAX) continue;
        return fail(ATTUNE_BAD_EXTENT,
                    "%s: tensor '%s' has extent %lld in dimension %d; expected 0..%d",
                    a.variant->name, t.name, (long long)extent, d, INT32_MAX);
    }
    return ATTUNE_OK;
}

static attune_status check_dtype(Arguments &a, int index, int *decided_by) {
    const attune_tensor &t = a.variant->tensor[index];
    const DLDataType &type = a.tensor[index]->dtype;
    const int dtype = classify(type);
    if (t.dtype != ATTUNE_STORAGE) {
        if (dtype == t.dtype) return ATTUNE_OK;
        return fail(ATTUNE_BAD_DTYPE, "%s: tensor '%s' has dtype %s; expected %s", a.variant->name,
                    t.name, TypeText(type).text, dtype_name(t.dtype));
    }
    if (dtype < ATTUNE_F32 || dtype > ATTUNE_BF16) {
        return fail(ATTUNE_BAD_DTYPE, "%s: tensor '%s' has dtype %s; expected %s", a.variant->name,
                    t.name, TypeText(type).text, dtype_name(ATTUNE_STORAGE));
    }
    if (a.storage == ATTUNE_STORAGE) {
        a.storage = dtype;
        *decided_by = index;
    } else if (a.storage != dtype) {
        return fail(ATTUNE_BAD_DTYPE, "%s: tensor '%s' has dtype %s; '%s' has %s", a.variant->name,
                    t.name, dtype_name(dtype), a.variant->tensor[*decided_by].name,
                    dtype_name(a.storage));
    }
    return ATTUNE_OK;
}

static const DLTensor *read_tensor(const Arguments &a, const attune_tensor &t) {
    const DLTensor *given = nullptr;
    if (t.offset + sizeof given <= a.args_size) {
        memcpy(&given, static_cast<const char *>(a.args) + t.offset, sizeof given);
    }
    return given;
}

attune_status check_tensors(Arguments &a) {
    int decided_by = -1;
    a.storage = ATTUNE_STORAGE;
    for (int i = 0; i < a.variant->tensors; i++) {
        const attune_tensor &t = a.variant->tensor[i];
        const DLTensor *given = a.tensor[i] = read_tensor(a, t);
        a.rank[i] = given ? given->ndim : -1;
        if (!given && (t.optional || t.needed_by)) continue;
        if (!given) {
            return fail(ATTUNE_NULL_ARGUMENT, "%s: tensor '%s' is NULL; it is required",
                        a.variant->name, t.name);
        }
        // GPU kernels take host memory as well: device.cpp moves it.
        if (given->device.device_type != kDLCPU && given->device.device_type != kDLCUDAHost) {
            return fail(ATTUNE_BAD_DEVICE,
                        "%s: tensor '%s' is on DLPack device type %d; expected 1 (host memory)",
                        a.variant->name, t.name, int(given->device.device_type));
        }
        if (attune_status status = check_rank(a, t, *given)) return status;
        if (attune_status status = check_dtype(a, i, &decided_by)) return status;
    }
    return ATTUNE_OK;
}

static attune_status bind(Arguments &a, int index, int d, int64_t extent) {
    const attune_tensor &t = a.variant->tensor[index];
    const int symbol = t.extents[d];
    if (a.owner[symbol] < 0) {
        a.owner[symbol] = index;
        a.extent[symbol] = extent;
    }
    if (a.extent[symbol] == extent) return ATTUNE_OK;
    return fail(ATTUNE_BAD_EXTENT, "%s: extent %s of tensor '%s' is %lld; that of '%s' is %lld",
                a.variant->name, a.variant->extent[symbol], t.name, (long long)extent,
                a.variant->tensor[a.owner[symbol]].name, (long long)a.extent[symbol]);
}

enum Pass { kExact, kBroadcast, kOnes };

/* Extents that may be 1 in place of their symbol's come later, and those that are 1 last: they
 * decide a symbol only when nothing else does. */
static Pass pass_of(const attune_tensor &t, int d, int64_t extent) {
    if (!may_be_one(t, d)) return kExact;
    return extent == 1 ? kOnes : kBroadcast;
}

static attune_status bind_all(Arguments &a, Pass pass) {
    for (int i = 0; i < a.variant->tensors; i++) {
        const attune_tensor &t = a.variant->tensor[i];
        if (!a.tensor[i]) continue;
        for (int d = 0; d < t.rank; d++) {
            const int p = position(t, *a.tensor[i], d);
            if (p < 0 || is_derived(*a.variant, t.extents[d])) continue;
            if (pass_of(t, d, a.tensor[i]->shape[p]) != pass) continue;
            if (pass == kOnes && a.owner[t.extents[d]] >= 0) continue;
            if (attune_status status = bind(a, i, d, a.tensor[i]->shape[p])) return status;
        }
    }
    return ATTUNE_OK;
}

attune_status check_extents(Arguments &a) {
    for (int s = 0; s < a.variant->extents; s++) {
        a.extent[s] = is_derived(*a.variant, s) ? -1 : 0;
        a.owner[s] = -1;
    }
    if (attune_status status = bind_all(a, kExact)) return status;
    if (attune_status status = bind_all(a, kBroadcast)) return status;
    return bind_all(a, kOnes);
}

}  // namespace attune
