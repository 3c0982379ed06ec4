#include "array.h"

#include "convert.h"
#include "fault.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include <sys/mman.h>

namespace tool {
namespace {

constexpr size_t ALIGNMENT = 64, HUGE_PAGE = 2 << 20;

// Zeroed. In huge pages if it is large, as NumPy's arrays are: a decode that streams a cache in
// small ones takes 1.3 times as long, for want of address translations.
void *allocate(size_t bytes) {
    const size_t unit = bytes < 2 * HUGE_PAGE ? ALIGNMENT : HUGE_PAGE;
    const size_t size = (bytes / unit + 1) * unit;
    void *memory = std::aligned_alloc(unit, size);
    if (!memory) throw std::bad_alloc();
    if (unit == HUGE_PAGE) madvise(memory, size, MADV_HUGEPAGE);  // a kernel without them: refused
    return std::memset(memory, 0, size);
}

std::vector<int64_t> strides_for(const std::vector<int64_t> &shape, const std::string &order) {
    std::vector<int64_t> strides(shape.size());
    int64_t step = 1;
    for (size_t place = shape.size(); place-- > 0;) {
        size_t dim = order.empty() ? place : size_t(order[place] - '0');
        strides[dim] = step;
        step *= shape[dim];
    }
    return strides;
}

size_t element_count(const std::vector<int64_t> &shape, size_t element_bytes) {
    // Zero extents count as one here: strides must not overflow either.
    int64_t bound = int64_t(element_bytes);
    size_t count = 1;
    for (int64_t extent : shape) {
        if (extent < 0 || __builtin_mul_overflow(bound, extent > 0 ? extent : 1, &bound))
            throw Fault(CALL_WRONG, "shape " + shape_text(shape) + " is too large");
        count *= size_t(extent);
    }
    return count;
}

DLDataType dlpack_type(attune_dtype dtype) {
    switch (dtype) {
        case ATTUNE_F16:
            return {kDLFloat, 16, 1};
        case ATTUNE_BF16:
            return {kDLBfloat, 16, 1};
        case ATTUNE_I32:
            return {kDLInt, 32, 1};
        case ATTUNE_U8:
            return {kDLUInt, 8, 1};
        default:
            return {kDLFloat, 32, 1};
    }
}

template <class From, class To>
void map(const Array &from, const Array &to, To (*convert)(From)) {
    for (size_t i = 0; i < from.elements(); i++) to.as<To>()[i] = convert(from.as<From>()[i]);
}

}  // namespace

void Array::Free::operator()(void *memory) const { std::free(memory); }

size_t Array::element_bytes(attune_dtype dtype) {
    if (dtype == ATTUNE_U8) return 1;
    return dtype == ATTUNE_F16 || dtype == ATTUNE_BF16 ? 2 : 4;
}

Array::Array(std::vector<int64_t> shape, attune_dtype dtype, const std::string &order)
    : shape_(std::move(shape)),
      dtype_(dtype),
      elements_(element_count(shape_, element_bytes(dtype))) {
    strides_ = strides_for(shape_, order);
    data_.reset(allocate(bytes()));
}

DLTensor Array::view() {
    DLTensor tensor = {};
    tensor.data = data();
    tensor.device = {kDLCPU, 0};
    tensor.ndim = int(shape_.size());
    tensor.dtype = dlpack_type(dtype_);
    tensor.shape = shape_.data();
    tensor.strides = strides_.data();
    return tensor;
}

const char *dtype_name(int dtype) {
    static const char *const names[] = {"storage", "f32", "f16", "bf16", "i32", "u8"};
    return dtype >= 0 && dtype <= ATTUNE_U8 ? names[dtype] : "?";
}

attune_dtype storage_named(const std::string &name) {
    for (attune_dtype dtype : {ATTUNE_F32, ATTUNE_F16, ATTUNE_BF16})
        if (name == dtype_name(dtype)) return dtype;
    throw Fault(CALL_WRONG, "unknown dtype " + name + ": expected f32, f16 or bf16");
}

std::string shape_text(const std::vector<int64_t> &shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); i++) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

Array converted(const Array &from, attune_dtype to) {
    Array result(from.shape(), to);
    if (from.dtype() == to)
        std::memcpy(result.data(), from.data(), from.bytes());
    else if (to == ATTUNE_F16)
        map<float, uint16_t>(from, result, f16_from_f32);
    else if (to == ATTUNE_BF16)
        map<float, uint16_t>(from, result, bf16_from_f32);
    else if (from.dtype() == ATTUNE_F16)
        map<uint16_t, float>(from, result, f32_from_f16);
    else
        map<uint16_t, float>(from, result, f32_from_bf16);
    return result;
}

}  // namespace tool
