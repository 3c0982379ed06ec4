#include "bf16.h"

#include "exp2.h"
#include "storage.h"

namespace attune {

using Halide::cast;
using Halide::Expr;
using Halide::Float;
using Halide::reinterpret;
using Halide::Internal::Call;

namespace {

Expr word(uint32_t value) { return Expr(value); }

// Bits of 2^(x + 1/2) for x <= -1/2.
Expr exp2_bits(Expr x) {
    x = max(x, -127.f);
    auto [exponent, part] = rounded(x);
    // Minimax polynomial of 2^(part + 1/2) on [-0.5, 0.5], relative error 8e-5: a 25th of a unit.
    static const float c[4] = {1.41411184f, 0.980419088f, 0.343103943f, 0.0780245232f};
    Expr p = c[3];
    for (int i = 2; i >= 0; i--) p = p * part + c[i];
    return reinterpret<uint32_t>(p) + exponent;
}

Expr bits(Expr value) {
    Expr stored = widened_bf16(value);
    return stored.defined() ? stored : narrow(value, {Halide::BFloat(16), false});
}

}  // namespace

Expr add_products(Expr sum, Expr a, Expr b) {
    return Call::make(Float(32), "dpbf16ps", {sum, a, b}, Call::PureExtern);
}

Expr bf16_pair(const std::function<Expr(Expr)> &load, Expr i, Expr end) {
    bool whole = Halide::Internal::is_const_zero(simplify((end - i) % 2));
    Expr low = bits(load(i)), high = bits(load(whole ? i + 1 : min(i + 1, end - 1)));
    if (!whole) high = select(i + 1 < end, high, cast<uint16_t>(0));
    // LLVM makes one load of this, not of concat_bits().
    return cast<uint32_t>(low) | (cast<uint32_t>(high) << word(16));
}

Expr bf16(Expr value) { return reinterpret(Halide::BFloat(16), bits(value)); }

Expr bf16_of_pair(Expr pair, Expr which) {
    return reinterpret(Halide::BFloat(16), cast<uint16_t>(pair >> cast<uint32_t>(which * 16)));
}

Halide::Tuple exp2_bf16_pair(Expr a, Expr b, Expr weight) {
    Expr low = exp2_bits(a), high = exp2_bits(b), half_unit = word(0x8000);
    Expr pair = ((low + half_unit) >> word(16)) | ((high + half_unit) & word(0xffff0000));
    return {pair, reinterpret<float>(low) + reinterpret<float>(high) * weight};
}

}  // namespace attune
