#include "exp2.h"

#include "strict.h"

namespace attune {

using Halide::cast;
using Halide::Expr;
using Halide::reinterpret;
using Halide::Internal::Call;

// Adding 1.5 * 2^23 leaves no bit below 1. Conversions to an integer and back are two more
// instructions, and one of them waits for the other; round() would be two 256-bit halves on
// AVX-512.
Rounded rounded(Expr x) {
    const float magic = 12582912.f;
    Expr shifted = strict(Call::strict_add, x, magic);
    return {reinterpret<uint32_t>(shifted) << cast<uint32_t>(23),
            x - strict(Call::strict_sub, shifted, magic)};
}

namespace {

// Minimax polynomial of 2^r on [-0.5, 0.5]. Degree 4 would break the error rule.
constexpr float kCoefficients[6] = {1.00000007f,   0.693146967f,   0.240221197f,
                                    0.0555071328f, 0.00967554174f, 0.0013276472f};

Expr scaled(Expr p, Expr exponent) {
    return reinterpret<float>(reinterpret<uint32_t>(p) + exponent);
}

}  // namespace

Expr exp2_nonpositive(Expr x) {
    auto [exponent, r] = rounded(max(x, -126.f));
    Expr p = kCoefficients[5];
    for (int i = 4; i >= 0; i--) p = p * r + kCoefficients[i];
    return scaled(p, exponent);
}

Expr exp2_nonpositive_in_pairs(Expr x) {
    auto [exponent, r] = rounded(max(x, -126.f));
    const float *c = kCoefficients;
    Expr square = r * r, high = (c[5] * r + c[4]) * square + (c[3] * r + c[2]);
    return scaled(high * square + (c[1] * r + c[0]), exponent);
}

}  // namespace attune
