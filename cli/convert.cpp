#include "convert.h"

#include <cmath>
#include <cstring>

namespace tool {
namespace {

uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

float float_of(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

}  // namespace

uint16_t f16_from_f32(float value) {
    uint32_t bits = bits_of(value);
    uint16_t sign = uint16_t(bits >> 16 & 0x8000);
    if (std::isnan(value)) return sign | 0x7e00;
    float magnitude = std::fabs(value);
    if (magnitude >= 65520.0f) return sign | 0x7c00;  // half way from 65504 to 65536 and above
    // Subnormal halves are multiples of 2^-24; nearbyint rounds to even in the default mode.
    if (magnitude < 0x1p-14f) return sign | uint16_t(std::nearbyintf(magnitude * 0x1p24f));
    uint32_t rebased = (bits & 0x7fffffff) - (112u << 23);  // exponent bias 127 -> 15
    return sign | uint16_t((rebased + 0xfff + (rebased >> 13 & 1)) >> 13);
}

float f32_from_f16(uint16_t bits) {
    uint32_t sign = uint32_t(bits & 0x8000) << 16;
    uint32_t exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
    if (exponent == 31) return float_of(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0) return std::copysign(float(fraction) * 0x1p-24f, float_of(sign));
    return float_of(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t bf16_from_f32(float value) {
    uint32_t bits = bits_of(value);
    if (std::isnan(value)) return uint16_t(bits >> 16 | 0x40);  // stays a NaN when cut
    return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float f32_from_bf16(uint16_t bits) { return float_of(uint32_t(bits) << 16); }

}  // namespace tool
