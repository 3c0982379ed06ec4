#include "case.h"

#include <cmath>
#include <cstring>

namespace attune::oracle {
namespace {

template <typename T>
T read(const std::byte *from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <typename T>
void write(std::byte *to, T value) {
    std::memcpy(to, &value, sizeof value);
}

double from_bf16(std::uint16_t bits) {
    const std::uint32_t wide = std::uint32_t{bits} << 16;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
}

double from_f16(std::uint16_t bits) {
    const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const double sign = bits & 0x8000 ? -1.0 : 1.0;
    if (exponent == 31) return fraction ? std::nan("") : sign * INFINITY;
    if (exponent == 0) return sign * std::ldexp(fraction, -24);
    return sign * std::ldexp(1024 + fraction, exponent - 25);
}

// Nearest value with `digits` significant bits whose last bit is worth at least 2^lowest; the
// default rounding mode sends ties to even.
double round_to(double value, int digits, int lowest) {
    const int unit = std::max(std::ilogb(value) - digits + 1, lowest);
    return std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
}

std::uint16_t to_bf16(double value) {
    if (std::isnan(value)) return 0x7fc0;
    if (std::isfinite(value) && value != 0) value = round_to(value, 8, -133);
    const float narrow = static_cast<float>(value);  // exact, or infinity
    std::uint32_t bits;
    std::memcpy(&bits, &narrow, sizeof bits);
    return static_cast<std::uint16_t>(bits >> 16);
}

std::uint16_t to_f16(double value) {
    const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    if (std::isnan(value)) return 0x7e00;
    double size = std::fabs(value);
    if (std::isfinite(size) && size != 0) size = round_to(size, 11, -24);
    if (size >= 65536) return sign | 0x7c00;
    if (size < std::ldexp(1, -14)) return sign | static_cast<std::uint16_t>(std::ldexp(size, 24));
    const int exponent = std::ilogb(size);
    const int fraction = static_cast<int>(std::ldexp(size, 10 - exponent)) - 1024;
    return sign | static_cast<std::uint16_t>(((exponent + 15) << 10) | fraction);
}

}  // namespace

std::size_t size_of(Dtype dtype) {
    switch (dtype) {
        case Dtype::u8:
            return 1;
        case Dtype::f16:
        case Dtype::bf16:
            return 2;
        case Dtype::f64:
            return 8;
        default:
            return 4;
    }
}

double load(Dtype dtype, const std::byte *element) {
    switch (dtype) {
        case Dtype::f32:
            return read<float>(element);
        case Dtype::f16:
            return from_f16(read<std::uint16_t>(element));
        case Dtype::bf16:
            return from_bf16(read<std::uint16_t>(element));
        case Dtype::i32:
            return read<std::int32_t>(element);
        case Dtype::u8:
            return read<std::uint8_t>(element);
        default:
            return read<double>(element);
    }
}

void store(Dtype dtype, std::byte *element, double value) {
    switch (dtype) {
        case Dtype::f32:
            return write(element, static_cast<float>(value));
        case Dtype::f16:
            return write(element, to_f16(value));
        case Dtype::bf16:
            return write(element, to_bf16(value));
        case Dtype::i32:
            return write(element, static_cast<std::int32_t>(value));
        case Dtype::u8:
            return write(element, static_cast<std::uint8_t>(value));
        default:
            return write(element, value);
    }
}

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t> &shape) {
    std::vector<std::int64_t> strides(shape.size(), 1);
    for (std::size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
    return strides;
}

Tensor Tensor::zeros(Dtype dtype, std::vector<std::int64_t> shape) {
    Tensor tensor;
    tensor.dtype = dtype;
    tensor.strides = contiguous_strides(shape);
    tensor.shape = std::move(shape);
    const std::size_t bytes = static_cast<std::size_t>(tensor.elements()) * size_of(dtype);
    tensor.storage.reset(new std::byte[bytes ? bytes : 1](), std::default_delete<std::byte[]>());
    return tensor;
}

std::int64_t Tensor::elements() const {
    std::int64_t count = 1;
    for (std::int64_t extent : shape) count *= extent;
    return count;
}

std::byte *Tensor::address(std::int64_t rank) const {
    std::int64_t element = offset;
    for (std::size_t d = shape.size(); d-- > 0; rank /= shape[d])
        element += rank % shape[d] * strides[d];
    return storage.get() + element * static_cast<std::int64_t>(size_of(dtype));
}

std::vector<double> Tensor::values() const {
    std::vector<double> all(static_cast<std::size_t>(elements()));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = at(static_cast<std::int64_t>(i));
    return all;
}

double Case::number(const std::string &attribute, double absent) const {
    const auto found = attributes.find(attribute);
    return found == attributes.end() ? absent : std::get<double>(found->second);
}

std::string Case::word(const std::string &attribute, const std::string &absent) const {
    const auto found = attributes.find(attribute);
    return found == attributes.end() ? absent : std::get<std::string>(found->second);
}

}  // namespace attune::oracle
