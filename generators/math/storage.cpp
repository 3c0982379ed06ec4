#include "storage.h"

namespace attune {

using Halide::cast;
using Halide::Expr;
using Halide::Float;
using Halide::reinterpret;
using Halide::UInt;

namespace {

Expr word(uint32_t value) { return Expr(value); }

// Exponent and fraction at their places in f32, then the difference of the biases as a factor: it
// serves numbers below the normal ones too.
Expr f16_to_f32(Expr bits) {
    Expr wide = cast<uint32_t>(bits), size = (wide & word(0x7fff)) << word(13);
    Expr finite = reinterpret<uint32_t>(reinterpret<float>(size) * 0x1p112f);
    Expr special = size | word(0x7f800000);
    Expr sign = (wide & word(0x8000)) << word(16);
    return reinterpret<float>(select(size >= word(0x0f800000), special, finite) | sign);
}

// After F. Giesen, "Float to half done quick" (public domain), the variant that rounds to even.
Expr f32_to_f16(Expr value) {
    Expr all = reinterpret<uint32_t>(value), sign = all & word(0x80000000), size = all ^ sign;
    Expr special = select(size > word(0x7f800000), word(0x7e00), word(0x7c00));
    const uint32_t magic = 126u << 23;
    Expr shifted = reinterpret<float>(size) + reinterpret<float>(word(magic));
    Expr small = reinterpret<uint32_t>(shifted) - word(magic);
    Expr odd = (size >> word(13)) & word(1);
    Expr normal = (size + word(0xc8000fff) + odd) >> word(13);
    Expr half = select(size >= word(143u << 23), special, size < word(113u << 23), small, normal);
    return cast<uint16_t>(half | (sign >> word(16)));
}

Expr f32_to_bf16(Expr value) {
    Expr all = reinterpret<uint32_t>(value);
    Expr rounded = (all + word(0x7fff) + ((all >> word(16)) & word(1))) >> word(16);
    return cast<uint16_t>(
        select((all & word(0x7fffffff)) > word(0x7f800000), word(0x7fc0), rounded));
}

}  // namespace

Expr widen(Expr bits, const Storage &s) {
    if (s.type.bits() != 16) return bits;
    if (s.type.is_bfloat()) return reinterpret<float>(cast<uint32_t>(bits) << word(16));
    return s.f16_instructions ? cast<float>(reinterpret(Float(16), bits)) : f16_to_f32(bits);
}

Expr narrow(Expr value, const Storage &s) {
    if (s.type.bits() != 16) return value;
    if (s.type.is_bfloat()) return f32_to_bf16(value);
    return s.f16_instructions ? reinterpret(UInt(16), cast(Float(16), value)) : f32_to_f16(value);
}

Expr widened_bf16(Expr value) {
    using namespace Halide::Internal;
    const Reinterpret *widened = value.as<Reinterpret>();
    const Call *shift = widened ? widened->value.as<Call>() : nullptr;
    const Cast *bits = shift && shift->is_intrinsic(Call::shift_left) ? shift->args[0].as<Cast>()
                                                                      : nullptr;
    return bits && bits->value.type() == UInt(16) ? bits->value : Expr();
}

}  // namespace attune
