#include "buffers.h"

#include <math.h>
#include <string.h>

#include "error.h"

namespace attune {

static halide_type_t type_of(int dtype) {
    switch (dtype) {
        case ATTUNE_F16:
            return halide_type_t(halide_type_float, 16);
        case ATTUNE_BF16:
            return halide_type_t(halide_type_bfloat, 16);
        case ATTUNE_I32:
            return halide_type_t(halide_type_int, 32);
        case ATTUNE_U8:
            return halide_type_t(halide_type_uint, 8);
        default:
            return halide_type_t(halide_type_float, 32);
    }
}

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Rounds to nearest even by arithmetic: 2^13 or the smallest f16 step is the unit in the last
 * place, and adding a large number with that unit rounds. */
static uint16_t to_f16(double value) {
    const uint32_t sign = bits_of(float(value)) >> 31 << 15;
    const double magnitude = fabs(value);
    if (isnan(value)) return uint16_t(sign | 0x7e00);
    if (magnitude >= 65520) return uint16_t(sign | 0x7c00);
    int exponent;
    frexp(magnitude, &exponent);
    if (magnitude == 0 || exponent < -13) exponent = -13;  // subnormal numbers have one step
    const double steps = nearbyint(ldexp(magnitude, 11 - exponent));
    // The exponent's field counts the implicit bit twice: hence one less.
    return uint16_t(sign | (uint32_t(exponent + 13) * 1024 + uint32_t(steps)));
}

static uint16_t to_bf16(float value) {
    const uint32_t bits = bits_of(value);
    if (isnan(value)) return uint16_t(bits >> 16 | 0x40);
    return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void write(int dtype, double value, uint8_t *to) {
    const int32_t integer = value >= INT32_MAX   ? INT32_MAX
                            : value <= INT32_MIN ? INT32_MIN
                                                 : int32_t(value);
    const uint32_t word = dtype == ATTUNE_I32 ? uint32_t(integer) : bits_of(float(value));
    const uint16_t half = dtype == ATTUNE_F16 ? to_f16(value) : to_bf16(float(value));
    const uint8_t byte = uint8_t(integer);
    switch (element_size(dtype)) {
        case 1:
            memcpy(to, &byte, 1);
            break;
        case 2:
            memcpy(to, &half, 2);
            break;
        default:
            memcpy(to, &word, 4);
    }
}

/* `stride` is in the order of `symbols`, outermost first. */
void Buffers::describe(int tensor, int rank, const int *symbols, const int64_t *stride) {
    const attune_tensor &t = a_.variant->tensor[tensor];
    halide_buffer_t &b = buffer_[tensor];
    b.type = type_of(dtype_of(a_, t));
    b.dimensions = rank;
    b.dim = dim_[tensor];
    for (int d = 0; d < rank; d++) {
        halide_dimension_t &dim = b.dim[rank - 1 - d];
        dim = halide_dimension_t(0, int32_t(a_.extent[symbols[d]]), int32_t(stride[d]));
        // Kernels may have been compiled for unit stride; what is a single element, or not read,
        // has any stride.
        const bool any = a_.tensor[tensor] ? dim.extent <= 1 : !t.output && !t.absent.terms;
        if (d == rank - 1 && any) dim.stride = 1;
    }
}

void Buffers::point_at_constant(int tensor) {
    const attune_tensor &t = a_.variant->tensor[tensor];
    const int dtype = dtype_of(a_, t), size = element_size(dtype);
    const double value = t.absent.terms ? value_of(a_, t.absent) : 0;
    for (int i = 0; i < 64; i += size) write(dtype, value, constant_[tensor].bytes + i);
    buffer_[tensor].host = constant_[tensor].bytes;
}

void Buffers::make_inputs() {
    static const int64_t zeros[ATTUNE_MAX_RANK] = {};
    for (int i = 0; i < a_.variant->tensors; i++) {
        const attune_tensor &t = a_.variant->tensor[i];
        if (t.output) continue;
        const bool stored = a_.tensor[i] && a_.first_byte[i] != a_.past_byte[i];
        describe(i, t.rank, t.extents, stored ? a_.stride[i] : zeros);
        if (stored) {
            buffer_[i].host = const_cast<uint8_t *>(data_of(*a_.tensor[i]));
        } else if (a_.tensor[i] || t.absent.terms) {
            point_at_constant(i);
        }  // what no kernel reads is nowhere: one that did would fail every time
    }
}

/* Of an absent output; without the leading dimension if the first output lacks that one. */
attune_status Buffers::take_scratch(int tensor, int first, int64_t *stride) {
    const attune_tensor &t = a_.variant->tensor[tensor], &f = a_.variant->tensor[first];
    const bool shorter = t.leading && a_.tensor[first] && a_.tensor[first]->ndim < f.rank &&
                         t.extents[0] == f.extents[0];
    int64_t elements = 1;
    bool fits = true;
    stride[0] = 0;
    for (int d = t.rank - 1; d >= (shorter ? 1 : 0); d--) {
        stride[d] = elements;
        fits &= !__builtin_mul_overflow(elements, a_.extent[t.extents[d]], &elements);
        fits &= elements <= INT32_MAX;
    }
    const size_t bytes = fits ? size_t(elements) * size_t(element_size(dtype_of(a_, t))) : 0;
    scratch_[tensor] = fits ? a_.context->scratch.take(bytes) : nullptr;
    if (scratch_[tensor]) return ATTUNE_OK;
    return fail(ATTUNE_OUT_OF_MEMORY, "%s: no memory in place of output '%s'", a_.variant->name,
                t.name);
}

/* An output in the dimensions of the first one. */
attune_status Buffers::view_output(int tensor, int first) {
    const attune_tensor &t = a_.variant->tensor[tensor], &f = a_.variant->tensor[first];
    int64_t own[ATTUNE_MAX_RANK], stride[ATTUNE_MAX_RANK] = {};
    if (!a_.tensor[tensor]) {
        if (attune_status status = take_scratch(tensor, first, own)) return status;
        buffer_[tensor].host = static_cast<uint8_t *>(scratch_[tensor]);
    } else {
        memcpy(own, a_.stride[tensor], sizeof own);
        buffer_[tensor].host = const_cast<uint8_t *>(data_of(*a_.tensor[tensor]));
    }
    for (int d = 0; d < t.rank; d++) {
        int at = 0;
        while (at < f.rank && f.extents[at] != t.extents[d]) at++;
        if (at == f.rank) {
            return fail(ATTUNE_BAD_PACK, "%s: output '%s' has dimension %s, which '%s' lacks",
                        a_.variant->name, t.name, a_.variant->extent[t.extents[d]], f.name);
        }
        stride[at] = own[d];
    }
    describe(tensor, f.rank, f.extents, stride);
    return ATTUNE_OK;
}

attune_status Buffers::make_outputs() {
    int first = -1;
    for (int i = 0; i < a_.variant->tensors; i++) {
        if (!a_.variant->tensor[i].output) continue;
        if (first < 0) first = i;
        if (attune_status status = view_output(i, first)) return status;
    }
    return ATTUNE_OK;
}

Buffers::~Buffers() {
    for (void *memory : scratch_) {
        if (memory) Scratch::give(memory);
    }
}

}  // namespace attune
