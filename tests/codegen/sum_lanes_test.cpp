// Sums across lanes: what the pass leaves of them, and in which order they add.
#include "codegen/sum_lanes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace attune {
namespace {

constexpr int kRows = 3;

struct Found : Halide::Internal::IRVisitor {
    using IRVisitor::visit;
    int locks = 0, sums = 0;
    void visit(const Halide::Internal::Atomic *op) override {
        locks++;
        IRVisitor::visit(op);
    }
    void visit(const Halide::Internal::VectorReduce *op) override {
        sums++;
        IRVisitor::visit(op);
    }
};

// Rows of an input, summed or their maximum, each in one vector; rows in parallel.
Halide::Func reduced(const Halide::ImageParam &in, int lanes, bool sum, bool pass) {
    Halide::Var row("row");
    Halide::RDom i(0, lanes);
    Halide::Func f("reduced");
    f(row) = 0.f;
    f(row) = sum ? f(row) + in(i, row) : max(f(row), in(i, row));
    f.bound(row, 0, kRows).parallel(row).update().parallel(row).atomic().vectorize(i, lanes);
    if (pass) f.add_custom_lowering_pass(make_sum_lanes());
    return f;
}

Found found(int lanes, bool sum, bool pass) {
    Halide::ImageParam in(Halide::Float(32), 2, "in");
    Found out;
    const Halide::Target target("x86-64-linux-no_runtime");
    const Halide::Module m = reduced(in, lanes, sum, pass).compile_to_module({in}, "f", target);
    for (const auto &f : m.functions()) f.body.accept(&out);
    return out;
}

float by_halves(std::vector<float> lanes) {
    while (lanes.size() > 1) {
        const size_t half = lanes.size() / 2;
        for (size_t i = 0; i < half; i++) lanes[i] += lanes[half + i];
        lanes.resize(half);
    }
    return lanes[0];
}

TEST(SumLanes, LeavesNeitherLocksNorReductions) {
    const Found before = found(16, true, false), after = found(16, true, true);
    EXPECT_GT(before.locks, 0);
    EXPECT_GT(before.sums, 0);
    EXPECT_EQ(after.locks, 0);
    EXPECT_EQ(after.sums, 0);
}

TEST(SumLanes, LeavesWhatIsNoSumOfHalves) {
    EXPECT_GT(found(16, false, true).sums, 0);
    EXPECT_GT(found(12, true, true).sums, 0);
}

TEST(SumLanes, AddsHalves) {
    for (const int lanes : {2, 4, 16, 64}) {
        Halide::ImageParam in(Halide::Float(32), 2, "in");
        Halide::Buffer<float> data(lanes, kRows);
        for (int row = 0; row < kRows; row++)
            for (int i = 0; i < lanes; i++)
                data(i, row) = std::ldexp(float(i % 7 - 3) + 0.1f * float(row), i * 5 % 23);
        in.set(data);
        Halide::Buffer<float> got = reduced(in, lanes, true, true).realize({kRows});
        for (int row = 0; row < kRows; row++) {
            const float *first = &data(0, row);
            EXPECT_EQ(got(row), by_halves({first, first + lanes}))
                << lanes << " lanes, row " << row;
        }
    }
}

}  // namespace
}  // namespace attune
