#include "tanh.h"

#include "exp2.h"

namespace attune {

using Halide::Expr;

Expr tanh_f32(Expr x) {
    // Away from 0 by e^(-2 |x|), which cannot overflow; near 0 that would lose digits, so there an
    // odd minimax polynomial. Each is within 1.1e-7, twice a good libm's error; from 0.625 on,
    // where Cephes' tanhf changes over, the first would have 1.4e-7.
    Expr size = abs(x), e = exp2_nonpositive(size * -2.88539008f);
    Expr large = 1.f - 2.f * e / (1.f + e), z = x * x;
    static const float c[7] = {-0.333332956f,   0.13332352f,    -0.0538804457f,  0.0214888155f,
                               -0.00794959813f, 0.00230407598f, -0.000359263911f};
    Expr p = c[6];
    for (int i = 5; i >= 0; i--) p = p * z + c[i];
    return select(size < 1.f, x + x * z * p, select(x < 0.f, -large, large));
}

}  // namespace attune
