// 16-bit storage types against the compiler's own conversions and against arithmetic.
#include "cli/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

namespace {

float float_of(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

TEST(Convert, EveryHalfComesBack) {
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float value = tool::f32_from_f16(uint16_t(bits));
        uint16_t back = tool::f16_from_f32(value);
        if (std::isnan(value))
            EXPECT_TRUE(std::isnan(tool::f32_from_f16(back)));
        else
            EXPECT_EQ(back, bits);
    }
}

TEST(Convert, EveryBfloatComesBack) {
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float value = tool::f32_from_bf16(uint16_t(bits));
        uint16_t back = tool::bf16_from_f32(value);
        if (std::isnan(value))
            EXPECT_TRUE(std::isnan(tool::f32_from_bf16(back)));
        else
            EXPECT_EQ(back, bits);
    }
}

// The rounded value must be a nearest one, and at a tie the one whose last bit is 0.
template <class Narrow, class Widen>
void expect_nearest_even(float value, Narrow narrow, Widen widen) {
    uint16_t bits = narrow(value);
    if (!std::isfinite(widen(bits))) return;  // see OverflowIsInfinite
    double error = std::fabs(double(widen(bits)) - value);
    for (int step : {-1, 1}) {
        float neighbour = widen(uint16_t(bits + step));
        if (!std::isfinite(neighbour) || std::signbit(neighbour) != std::signbit(value)) continue;
        double other = std::fabs(double(neighbour) - value);
        EXPECT_LE(error, other) << value;
        EXPECT_TRUE(error < other || bits % 2 == 0) << value;
    }
}

TEST(Convert, RoundsToNearestEven) {
    std::mt19937 random(3);
    for (int i = 0; i < 200000; i++) {
        float value = float_of(uint32_t(random()));
        if (!std::isfinite(value)) continue;
        int exponent;
        float in_range = std::ldexp(std::frexp(value, &exponent), i % 40 - 25);
        expect_nearest_even(in_range, tool::f16_from_f32, tool::f32_from_f16);
        expect_nearest_even(value, tool::bf16_from_f32, tool::f32_from_bf16);
    }
    for (int half = 0; half < 0x7bff; half++) {  // exactly half way between neighbours
        float low = tool::f32_from_f16(uint16_t(half)),
              high = tool::f32_from_f16(uint16_t(half + 1));
        expect_nearest_even((low + high) / 2, tool::f16_from_f32, tool::f32_from_f16);
    }
}

TEST(Convert, OverflowIsInfinite) {
    EXPECT_EQ(tool::f16_from_f32(65519.0f), 0x7bff);
    EXPECT_EQ(tool::f16_from_f32(65520.0f), 0x7c00);
    EXPECT_EQ(tool::f16_from_f32(-1e30f), 0xfc00);
    EXPECT_EQ(tool::f16_from_f32(INFINITY), 0x7c00);
    EXPECT_EQ(tool::bf16_from_f32(3.4e38f), 0x7f80);
}

}  // namespace
