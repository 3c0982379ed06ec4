#include "asks.h"

#include <utility>

#include "loop.h"

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;
using Halide::Handle;
using Halide::Int;
using Halide::UInt;

namespace {

// Whether a load's index has to do with one of the loops.
class LoadsBy : public IRVisitor {
public:
    explicit LoadsBy(const Loops &loops) : loops(loops) {}
    bool found = false;

private:
    using IRVisitor::visit;
    const Loops &loops;
    void visit(const Load *op) override {
        for (auto &[name, later] : loops) found = found || expr_uses_var(op->index, name);
        IRVisitor::visit(op);
    }
};

class Asking : public IRMutator {
public:
    enum Access { Loads, Stores };
    Asking(Access access, Values lets, Loops loops, std::string by = "")
        : access(access), by(std::move(by)), lets(std::move(lets)), loops(std::move(loops)) {}

private:
    using IRMutator::visit;
    const Access access;
    const std::string by;
    Values lets;
    const Loops loops;  // outside the statement
    Stmt asked;         // by the statement being visited

    static Stmt nothing() { return Evaluate::make(0); }

    void add(const Place &p) {
        if (!p.first.defined()) return;
        Stmt one = ask(p, simplify(at(loops, p.first)));
        asked = is_no_op(asked) ? one : Block::make(asked, one);
    }

    Stmt visit(const Store *op) override {
        asked = nothing();
        const bool vector = op->value.type().is_vector() && op->param.defined();
        if (access == Stores && vector) add(place(op->name, op->value.type(), op->index, lets));
        if (access == Loads) IRMutator::visit(op);
        return asked;
    }
    Expr visit(const Load *op) override {
        if (!op->param.defined() || (by.empty() && op->type.is_scalar())) return op;
        Place p = place(op->name, op->type, op->index, lets);
        if (by.empty() || (p.first.defined() && expr_uses_var(p.first, by))) add(p);
        return op;
    }
    Expr visit(const Let *op) override {
        lets[op->name] = substitute(lets, op->value);
        return IRMutator::visit(op);
    }
    Stmt visit(const LetStmt *op) override {
        lets[op->name] = substitute(lets, op->value);
        return mutate(op->body);
    }
    Stmt visit(const For *op) override {
        Stmt body = mutate(op->body);
        if (is_no_op(body)) return body;
        return loop(op, substitute(lets, op->min), substitute(lets, op->extent), body);
    }
    Stmt visit(const IfThenElse *op) override {
        Stmt body = mutate(op->then_case);
        if (is_no_op(body)) return body;
        return IfThenElse::make(substitute(lets, op->condition), body);
    }
    Stmt visit(const Block *op) override {
        Stmt first = mutate(op->first), rest = mutate(op->rest);
        return is_no_op(first) ? rest : is_no_op(rest) ? first : Block::make(first, rest);
    }
    Stmt visit(const Allocate *op) override { return mutate(op->body); }
    Stmt visit(const ProducerConsumer *op) override { return mutate(op->body); }
    Stmt visit(const AssertStmt *) override { return nothing(); }
    Stmt visit(const Evaluate *) override { return nothing(); }
    Stmt visit(const Free *) override { return nothing(); }
};

}  // namespace

Later later(const For *op, int iterations) {
    Expr then = Variable::make(Int(32), op->name) + iterations;
    return {then, min(then, op->min + op->extent - 1)};
}

Expr at(const Loops &loops, const Expr &e) {
    LoadsBy tables(loops);
    e.accept(&tables);
    Values values;
    for (auto &[name, later] : loops) values[name] = tables.found ? later.existing : later.any;
    return substitute(values, e);
}

Place place(const std::string &buffer, Halide::Type type, const Expr &index, const Values &lets) {
    auto ramp = index.as<Ramp>();
    const bool neighbours = ramp ? is_const_one(ramp->stride) : type.is_scalar();
    if (!neighbours) return {};
    return {buffer, type.element_of(), substitute(lets, ramp ? ramp->base : index)};
}

Stmt ask(const Place &p, const Expr &index) {
    constexpr int kRead = 0, kSecondLevel = 2, kData = 1;
    Expr base = reinterpret(UInt(64), Variable::make(Handle(), p.buffer));
    Expr offset = cast(Int(64), index) * p.type.bytes();
    Expr address = reinterpret(Handle(), base + cast(UInt(64), offset));
    return Evaluate::make(Call::make(Int(32), "llvm.prefetch.p0",
                                     {address, kRead, kSecondLevel, kData}, Call::Extern));
}

Stmt asks_for_loads(const Stmt &s, const Values &lets, const Loops &loops, const std::string &by) {
    return Asking(Asking::Loads, lets, loops, by).mutate(s);
}

Stmt asks_for_stores(const Stmt &s, const Values &lets) {
    return Asking(Asking::Stores, lets, {}).mutate(s);
}

Stmt part_of(const Stmt &s, const Expr &part, int parts) {
    if (auto block = s.as<Block>())
        return Block::make(part_of(block->first, part, parts), part_of(block->rest, part, parts));
    if (auto branch = s.as<IfThenElse>())
        return IfThenElse::make(branch->condition, part_of(branch->then_case, part, parts));
    const For *outermost = s.as<For>();
    if (!outermost) return IfThenElse::make(part == 0, s);
    std::vector<const For *> nest;
    for (auto op = outermost; op; op = op->body.as<For>()) nest.push_back(op);
    const std::string name = unique_name("asked");
    Expr rest = Variable::make(Int(32), name), all = 1;
    Stmt body = nest.back()->body;
    for (auto op = nest.rbegin(); op != nest.rend(); ++op) {
        Expr index = *op == outermost ? rest : rest % (*op)->extent;
        body = substitute((*op)->name, simplify((*op)->min + index), body);
        rest = rest / (*op)->extent;
        all = simplify(all * (*op)->extent);
    }
    Expr each = simplify((all + (parts - 1)) / parts), first = simplify(part * each);
    return For::make(name, first, max(min(all - first, each), 0), ForType::Serial,
                     outermost->partition_policy, outermost->device_api, body);
}

}  // namespace attune
