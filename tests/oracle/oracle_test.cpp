// The oracle reproduces the conformance cases, whose expected values others have computed.
#include "case_file.h"
#include "oracle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace attune::oracle {
namespace {

void expect_close(const Tensor &got, const Tensor &want, double bound) {
    ASSERT_EQ(got.shape, want.shape);
    const std::vector<double> a = got.values(), b = want.values();
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (std::isinf(b[i]))
            ASSERT_EQ(a[i], b[i]) << "element " << i;
        else
            ASSERT_NEAR(a[i], b[i], bound * std::max(1.0, std::fabs(b[i]))) << "element " << i;
    }
}

class OracleCase : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(OracleCase, MatchesInDouble) {
    const CaseFile file = read_case(GetParam());
    const auto got = evaluate<double>(file.call);
    ASSERT_FALSE(file.expected.empty());
    for (const auto &[name, want] : file.expected) expect_close(got.at(name), want, 1e-6);
}

// The naive single precision loops are a fair yardstick only if they are right themselves.
TEST_P(OracleCase, MatchesInFloat) {
    const CaseFile file = read_case(GetParam());
    const auto got = evaluate<float>(file.call);
    for (const auto &[name, want] : file.expected) expect_close(got.at(name), want, 1e-5);
}

std::string name_of(const testing::TestParamInfo<std::filesystem::path> &info) {
    return info.param.parent_path().filename().string() + "_" + info.param.filename().string();
}

INSTANTIATE_TEST_SUITE_P(Data, OracleCase, testing::ValuesIn(find_cases(ATTUNE_TEST_DATA)),
                         name_of);

TEST(Oracle, RefusesUnknownOp) {
    EXPECT_FALSE(knows("nonsense"));
    EXPECT_THROW(evaluate<double>(Case{"nonsense", {}, {}}), std::invalid_argument);
}

TEST(Dtypes, SixteenBitValuesSurviveTheRoundTrip) {
    for (const Dtype dtype : {Dtype::f16, Dtype::bf16})
        for (std::uint32_t bits = 0; bits < 65536; ++bits) {
            const auto before = static_cast<std::uint16_t>(bits);
            std::byte memory[2], again[2];
            std::copy_n(reinterpret_cast<const std::byte *>(&before), 2, memory);
            const double value = load(dtype, memory);
            store(dtype, again, value);
            if (std::isnan(value))
                ASSERT_TRUE(std::isnan(load(dtype, again)));
            else
                ASSERT_TRUE(std::equal(memory, memory + 2, again)) << bits;
        }
}

TEST(Dtypes, RoundsToNearestEven) {
    const auto rounded = [](Dtype dtype, double value) {
        std::byte memory[2];
        store(dtype, memory, value);
        return load(dtype, memory);
    };
    EXPECT_EQ(rounded(Dtype::f16, 1 + std::ldexp(1, -11)), 1);
    EXPECT_EQ(rounded(Dtype::f16, 1 + std::ldexp(3, -11)), 1 + std::ldexp(1, -9));
    EXPECT_EQ(rounded(Dtype::f16, 65520), INFINITY);
    EXPECT_EQ(rounded(Dtype::f16, std::ldexp(1, -25)), 0);
    EXPECT_EQ(rounded(Dtype::bf16, 1 + std::ldexp(1, -8)), 1);
    EXPECT_EQ(rounded(Dtype::bf16, -1 - std::ldexp(3, -8)), -1 - std::ldexp(1, -6));
}

}  // namespace
}  // namespace attune::oracle
