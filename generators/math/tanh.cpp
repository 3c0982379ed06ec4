#include "tanh.h"

#include "exp2.h"

namespace attune {

using Halide::Expr;

Expr tanh_f32(Expr x) {
    // Away from 0 by e^(-2 |x|), which cannot overflow; near 0 that would lose digits, so there the
    // odd polynomial of Cephes' tanhf (Moshier).
    Expr size = abs(x), e = exp2_nonpositive(size * -2.88539008f);
    Expr large = 1.f - 2.f * e / (1.f + e), z = x * x;
    static const float c[5] = {-0.333332819f, 0.133314422f, -0.0537397156f, 0.0206390888f,
                               -0.00570498873f};
    Expr p = c[4];
    for (int i = 3; i >= 0; i--) p = p * z + c[i];
    return select(size < 0.625f, x + x * z * p, select(x < 0.f, -large, large));
}

}  // namespace attune
