// The conformance cases straight through the library, on every target that can run here.
#include "case_file.h"
#include "check.h"
#include "crash.h"
#include "machine.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace attune::tests {
namespace {

// The bounds of the authors of the cases: 2e-5 of the largest value, plus 2e-5 of each; with 16-bit
// storage 16 units of its rounding times the largest value.
testing::AssertionResult close(const std::string &name, const Tensor &got, const Tensor &want,
                               Dtype dtype) {
    const std::vector<double> a = got.values(), b = want.values();
    if (got.shape != want.shape) return testing::AssertionFailure() << name << ": another shape";
    double scale = 1;
    for (double x : b)
        if (std::isfinite(x)) scale = std::max(scale, std::fabs(x));
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double bound = dtype == Dtype::f32 ? 2e-5 * (scale + std::fabs(b[i]))
                                                 : std::ldexp(scale, dtype == Dtype::f16 ? -7 : -4);
        if (a[i] != b[i] && !(std::fabs(a[i] - b[i]) <= bound))
            return testing::AssertionFailure()
                   << name << ": element " << i << " is " << a[i] << ", not " << b[i];
    }
    return testing::AssertionSuccess();
}

// The tensor in another type.
Tensor rounded(const Tensor &tensor, Dtype dtype) {
    Tensor out = Tensor::zeros(dtype, tensor.shape);
    for (std::int64_t i = 0; i < tensor.elements(); ++i) out.set(i, tensor.at(i));
    return out;
}

using Parameter = std::tuple<std::filesystem::path, std::string>;

class Conformance : public testing::TestWithParam<Parameter> {};

TEST_P(Conformance, Holds) {
    const auto &[folder, target] = GetParam();
    oracle::CaseFile file = oracle::read_case(folder);
    const std::vector<Dtype> types = dtypes(file.call.op, {target});
    if (types.empty()) GTEST_SKIP() << "the pack has no " << file.call.op << " for " << target;
    for (const Dtype dtype : types)
        for (const Layout layout : {Layout::blhd, Layout::bhld}) {
            now_running(folder.string() + " on " + target + " in " + name_of(dtype));
            Case call = file.call;
            for (const char *name :
                 {"q", "k", "v", "k_pages", "v_pages", "u", "wl", "Kc", "Vc", "buf"})
                if (call.has(name) && dtype != Dtype::f32)
                    call.tensors[name] = rounded(call.tensors[name], dtype);
            if (call.op == "dense_merge") call.tensors["o"].dtype = dtype;
            add_outputs(call, file.expected.count("lse") != 0, layout);
            const attune_status status = tests::call(context_for(target), test_pack(), call);
            ASSERT_STREQ(attune_status_name(status),
                         attune_status_name(expected_status(test_pack(), target, call)))
                << attune_error_message();
            for (const auto &[name, want] : file.expected) {
                const Tensor &got = call.tensors.at(name);
                EXPECT_TRUE(status == ATTUNE_OK ? close(name, got, want, dtype)
                                                : testing::AssertionResult(untouched(got)));
            }
            EXPECT_TRUE(status == ATTUNE_OK || *attune_error_message());
        }
}

std::string name_of(const testing::TestParamInfo<Parameter> &info) {
    const auto &[folder, target] = info.param;
    std::string name =
        folder.parent_path().filename().string() + "_" + folder.filename().string() + "_" + target;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Data, Conformance,
                         testing::Combine(testing::ValuesIn(oracle::find_cases(ATTUNE_TEST_DATA)),
                                          testing::ValuesIn(all_targets())),
                         name_of);

// Says in the log why a run shows no results of a target.
TEST(Machine, Targets) {
    const std::vector<std::string> here = all_targets();
    for (const char *target : {"x86-64", "avx2", "avx512", "aarch64", "opencl"})
        if (std::find(here.begin(), here.end(), target) == here.end())
            printf("not tested: %s (not on this machine, or not in ATTUNE_TEST_TARGETS)\n", target);
    EXPECT_FALSE(here.empty());
}

// A CPU target that the machine has is one that the library accepts, and the other way round.
TEST(Machine, LibraryAgreesOnTargets) {
    if (std::getenv("ATTUNE_TEST_TARGETS")) GTEST_SKIP() << "ATTUNE_TEST_TARGETS is set";
    const std::vector<std::string> here = cpu_targets();
    for (const std::string target : {"x86-64", "avx2", "avx512", "aarch64"}) {
        const attune_options wanted = options(target);
        attune_context *context = nullptr;
        const attune_status status = attune_context_create(&wanted, &context);
        attune_context_destroy(status == ATTUNE_OK ? context : nullptr);
        const bool expected = std::find(here.begin(), here.end(), target) != here.end();
        EXPECT_EQ(status, expected ? ATTUNE_OK : ATTUNE_UNSUPPORTED_TARGET) << target;
    }
}

}  // namespace
}  // namespace attune::tests
