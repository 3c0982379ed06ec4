// Nests of loops in parts: together they are all iterations, each once.
#include "codegen/asks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace attune {
namespace {

using namespace Halide::Internal;
using Halide::Expr;

Stmt mark(const Expr &value) {
    return Evaluate::make(Call::make(Halide::Int(32), "mark", {value}, Call::Extern));
}

Stmt loop(const std::string &name, int min, const Expr &extent, const Stmt &body) {
    return For::make(name, min, extent, ForType::Serial, Halide::Partition::Auto,
                     Halide::DeviceAPI::None, body);
}

Expr variable(const std::string &name) { return Variable::make(Halide::Int(32), name); }

// What a statement of loops and conditions marks, in order.
class Run : public IRVisitor {
public:
    std::vector<int64_t> marked;

private:
    using IRVisitor::visit;
    void visit(const For *op) override {
        const auto min = as_const_int(simplify(op->min)),
                   count = as_const_int(simplify(op->extent));
        ASSERT_TRUE(min && count) << op->min << ' ' << op->extent;
        for (int64_t i = *min; i < *min + *count; i++)
            substitute(op->name, int(i), op->body).accept(this);
    }
    void visit(const IfThenElse *op) override {
        const Expr condition = simplify(op->condition);
        ASSERT_TRUE(is_const(condition)) << condition;
        if (is_const_one(condition)) op->then_case.accept(this);
    }
    void visit(const Call *op) override { marked.push_back(*as_const_int(simplify(op->args[0]))); }
};

std::vector<int64_t> run(const Stmt &s) {
    Run all;
    s.accept(&all);
    return all.marked;
}

void expect_all(const Stmt &s) {
    std::vector<int64_t> want = run(s);
    std::sort(want.begin(), want.end());
    for (const int parts : {1, 2, 5, 8, 100}) {
        std::vector<int64_t> got;
        for (int part = 0; part < parts; part++)
            for (const int64_t one : run(part_of(s, part, parts))) got.push_back(one);
        std::sort(got.begin(), got.end());
        EXPECT_EQ(got, want) << parts << " parts";
    }
}

TEST(Asks, PartsOfANest) {
    const Expr i = variable("i"), j = variable("j");
    const Stmt inner = loop("j", 1, 3, mark(i * 10 + j));
    expect_all(loop("i", 2, 4, inner));
    expect_all(loop("i", 0, 1, inner));
    expect_all(loop("i", 0, 0, inner));
}

TEST(Asks, PartsOfSeveralNests) {
    const Expr i = variable("i");
    const Stmt first = loop("i", 0, 7, mark(i)), second = loop("i", 5, 2, mark(100 + i));
    const Stmt branch = IfThenElse::make(Expr(1) < 2, loop("i", 0, 3, mark(200 + i)));
    const Stmt two = Block::make(mark(300 + i), mark(400 + i));
    expect_all(Block::make({first, second, branch, mark(500), loop("i", 1, 6, two)}));
}

TEST(Asks, PartsAreShared) {
    const Stmt nest = loop("i", 0, 12, mark(variable("i")));
    for (int part = 0; part < 4; part++) EXPECT_EQ(run(part_of(nest, part, 4)).size(), 3U);
}

}  // namespace
}  // namespace attune
