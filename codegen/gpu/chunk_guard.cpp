#include "chunk_guard.h"

#include <map>
#include <sstream>
#include <stdexcept>

#include "../loop.h"

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;

namespace {

// Whether a statement writes a Func; element i of a Tuple is stored as NAME.i.
class Writes : public IRVisitor {
public:
    Writes(const Stmt &s, const std::string &func) : func(func) { s.accept(this); }
    bool found = false;

private:
    using IRVisitor::visit;
    const std::string &func;
    void visit(const Store *op) override {
        found = found || op->name == func || op->name.rfind(func + ".", 0) == 0;
    }
};

// Whether threads of a block may see different values.
class OfThread : public IRVisitor {
public:
    explicit OfThread(const Expr &e) { e.accept(this); }
    bool found = false;

private:
    using IRVisitor::visit;
    void visit(const Variable *op) override {
        found = found || op->name.find(".thread_id") != std::string::npos;
    }
};

// The condition under which the body of a loop writes a Func, without the lets of the body;
// undefined if it always does.
class FindGuard : public IRVisitor {
public:
    FindGuard(const std::string &loop, const std::string &func) : loop(loop), func(func) {}
    Expr guard;

private:
    using IRVisitor::visit;
    const std::string &loop, &func;
    std::map<std::string, Expr> lets;

    void visit(const LetStmt *op) override {
        lets[op->name] = substitute(lets, op->value);
        op->body.accept(this);
    }
    void visit(const IfThenElse *op) override {
        if (guard.defined()) return;
        Expr condition = substitute(lets, op->condition);
        bool guards = expr_uses_var(condition, loop) && !op->else_case.defined();
        if (guards && Writes(op->then_case, func).found)
            guard = condition;
        else
            IRVisitor::visit(op);
    }
};

// A statement in which a condition is known to hold.
class Assume : public IRMutator {
public:
    explicit Assume(Expr condition) : condition(std::move(condition)) {}
    using IRMutator::mutate;
    Expr mutate(const Expr &e) override {
        return e.type().is_bool() && equal(e, condition) ? const_true() : IRMutator::mutate(e);
    }

private:
    Expr condition;
};

class ChunkGuard : public IRMutator {
public:
    ChunkGuard(std::string loop, std::string state)
        : loop(std::move(loop)), state(std::move(state)) {}

private:
    using IRMutator::visit;
    const std::string loop, state;

    Stmt visit(const For *op) override {
        if (op->name.find(loop) == std::string::npos) return IRMutator::visit(op);
        FindGuard find(op->name, state);
        op->body.accept(&find);
        Expr guard = find.guard;
        if (!guard.defined()) return op;
        // Barriers are inside.
        if (OfThread(guard).found) {
            std::ostringstream text;
            text << "threads of a block visit different chunks of " << op->name << ": " << guard;
            throw std::runtime_error(text.str());
        }
        Stmt body = IfThenElse::make(guard, simplify(Assume(guard).mutate(op->body)));
        return attune::loop(op, op->min, op->extent, body);
    }
};

}  // namespace

IRMutator *make_chunk_guard(const std::string &loop, const std::string &state) {
    return new ChunkGuard(loop, state);
}

}  // namespace attune
