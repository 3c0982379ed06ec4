// Loops that the pass joins, those it leaves, and that results are the same bits.
#include "codegen/join_loops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace attune {
namespace {

constexpr int kStep = 4, kGroups = 5, kKeys = kStep * kGroups;

struct Loops : Halide::Internal::IRVisitor {
    using IRVisitor::visit;
    std::vector<std::string> names;
    void visit(const Halide::Internal::For *op) override {
        names.push_back(op->name);
        IRVisitor::visit(op);
    }
    int of(const Halide::Func &f) const {
        int count = 0;
        for (const std::string &name : names)
            count += Halide::Internal::starts_with(name, f.name() + ".s1.");
        return count;
    }
};

// A softmax of one row, by the Funcs that the pass knows. early: something reads the first score
// before the maximum is taken.
struct Row {
    Halide::ImageParam in{Halide::Float(32), 1, "in"};
    Softmax x;
    Halide::Func out{"out"};

    SourceFuncs &source() { return x.sources.front(); }

    explicit Row(bool pass, bool early = false) {
        x.sources.resize(1);
        SourceFuncs &p = source();
        p.score = Func("score"), p.maximum = Func("maximum");
        p.probability = Func("probability"), p.sum = Func("sum");
        p.over_groups = Halide::RDom(0, kStep, 0, kGroups, "over_groups");
        p.over_terms = Halide::RDom(0, kKeys, "over_terms");
        const Var k("k");
        const Expr place = p.over_groups.y * kStep + p.over_groups.x, term = p.over_terms;
        Func first("first");
        p.score(k) = Halide::undef<float>();
        p.score(place) = in(place)*2.f;
        first() = p.score(0);
        p.maximum() = early ? min(Expr(first()), -1000.f) : -1000.f;
        p.maximum() = max(p.maximum(), p.score(place));
        p.probability(k) = Halide::undef<float>();
        p.probability(term) = exp(p.score(term) - p.maximum());
        p.sum() = 0.f;
        p.sum() += p.probability(term);
        out(k) = p.probability(k) / p.sum();
        out.bound(k, 0, kKeys);
        for (Func f : {p.score, first, p.maximum, p.probability, p.sum}) f.compute_root();
        for (Func f : {p.score, p.maximum}) f.update().unroll(p.over_groups.x);
        if (pass) out.add_custom_lowering_pass(make_join_loops(x));
    }

    Loops loops() {
        Loops found;
        const Halide::Target target("x86-64-linux-no_runtime-no_asserts-no_bounds_query");
        const Halide::Module m = out.compile_to_module({in}, "f", target);
        for (const auto &f : m.functions()) f.body.accept(&found);
        return found;
    }

    std::vector<float> values() {
        Halide::Buffer<float> data(kKeys);
        for (int i = 0; i < kKeys; i++) data(i) = std::sin(float(i * i));
        in.set(data);
        Halide::Buffer<float> got = out.realize({kKeys});
        return {got.begin(), got.end()};
    }
};

TEST(JoinLoops, MaximumWithScoresAndSumWithProbabilities) {
    Row before(false), after(true);
    SourceFuncs &p = before.source(), &q = after.source();
    const Loops apart = before.loops(), joined = after.loops();
    for (const Func &f : {p.score, p.maximum, p.probability, p.sum}) EXPECT_EQ(apart.of(f), 1);
    EXPECT_EQ(joined.of(q.score) + joined.of(q.maximum), 1);
    EXPECT_EQ(joined.of(q.probability) + joined.of(q.sum), 1);
    EXPECT_EQ(before.values(), after.values());
}

TEST(JoinLoops, NotWhatSomethingReadsBetween) {
    Row before(false, true), after(true, true);
    SourceFuncs &q = after.source();
    const Loops joined = after.loops();
    EXPECT_EQ(joined.of(q.score), 1);
    EXPECT_EQ(joined.of(q.maximum), 1);
    EXPECT_EQ(joined.of(q.probability) + joined.of(q.sum), 1);
    EXPECT_EQ(before.values(), after.values());
}

}  // namespace
}  // namespace attune
