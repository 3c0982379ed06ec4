#include "join_loops.h"

#include "loop.h"

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;

namespace {

// The end of a loop's name, and the Func that it makes.
struct Loop {
    std::string func, name;
};

// What stands between a statement and the loop in it. A loop under a condition or in another loop
// is not found; nor, if it is to leave the statement, one that may need an allocation there.
class Find : public IRVisitor {
public:
    Find(const Loop &wanted, bool leaves, const std::string &unread)
        : wanted(wanted), leaves(leaves), unread(unread) {}
    const For *found = nullptr;
    std::vector<const LetStmt *> lets;  // around it
    bool read = false;                  // `unread` before it

private:
    using IRVisitor::visit;
    const Loop &wanted;
    const bool leaves;
    const std::string &unread;  // a Func or none
    bool inside = false;        // of what it must not be in

    void nested(const Stmt &s) {
        const bool outside = !inside;
        inside = true;
        s.accept(this);
        if (outside) inside = false;
    }
    void visit(const For *op) override {
        if (found) return;
        if (!inside && starts_with(op->name, wanted.func + ".") && ends_with(op->name, wanted.name))
            found = op;
        else
            nested(op->body);
    }
    void visit(const IfThenElse *op) override {
        if (found) return;
        op->condition.accept(this);
        nested(op->then_case);
        if (op->else_case.defined()) nested(op->else_case);
    }
    void visit(const Allocate *op) override {
        if (found) return;
        if (leaves)
            nested(op->body);
        else
            op->body.accept(this);
    }
    void visit(const LetStmt *op) override {
        if (found) return;
        op->value.accept(this);
        lets.push_back(op);
        op->body.accept(this);
        if (!found) lets.pop_back();
    }
    void visit(const Load *op) override {
        if (found) return;
        if (op->name == unread || starts_with(op->name, unread + ".")) read = true;
        IRVisitor::visit(op);
    }
};

// Puts a loop in place of two, where the second was, and behind it the ends of allocations that the
// first needs.
class Join : public IRMutator {
public:
    Join(const For *first, const For *second, Stmt joined)
        : first(first), second(second), joined(std::move(joined)) {}

private:
    using IRMutator::visit;
    const For *first, *second;
    Stmt joined;
    bool done = false;

    Stmt visit(const For *op) override {
        if (op == first) return Evaluate::make(0);
        if (op != second) return IRMutator::visit(op);
        done = true;
        return joined;
    }
    Stmt visit(const Free *op) override {
        if (done || !stmt_uses_var(joined, op->name)) return op;
        joined = Block::make(joined, op);
        return Evaluate::make(0);
    }
};

class JoinLoops : public IRMutator {
public:
    explicit JoinLoops(const Softmax &x) {
        for (const SourceFuncs &p : x.sources) {
            const std::string groups = "." + p.over_groups.y.name();
            const std::string terms = "." + p.over_terms.x.name();
            pairs.push_back({{p.score.name(), groups}, {p.maximum.name(), groups}});
            pairs.push_back({{p.probability.name(), terms}, {p.sum.name(), terms}});
        }
    }

private:
    using IRMutator::visit;
    struct Pair {
        Loop made, reduced;
    };
    std::vector<Pair> pairs;

    Stmt visit(const Block *op) override {
        for (const Pair &pair : pairs) {
            Stmt out = joined(op, pair);
            if (out.defined()) return mutate(out);
        }
        return IRMutator::visit(op);
    }

    // Undefined: there is nothing to join.
    static Stmt joined(const Block *block, const Pair &pair) {
        const std::string none;
        Find made(pair.made, true, none), early(pair.reduced, false, none);
        block->first.accept(&made);
        block->first.accept(&early);
        if (!made.found || early.found) return {};
        Find reduced(pair.reduced, false, pair.made.func);
        block->rest.accept(&reduced);
        if (!reduced.found || reduced.read) return {};
        const For *op = reduced.found;
        Expr index = Variable::make(Halide::Int(32), op->name);
        Stmt body = substitute(made.found->name, index, made.found->body);
        for (auto let = made.lets.rbegin(); let != made.lets.rend(); ++let)
            body = LetStmt::make((*let)->name, (*let)->value, body);
        Stmt both = loop(op, op->min, op->extent, Block::make(body, op->body));
        return Join(made.found, op, both).mutate(Block::make(block->first, block->rest));
    }
};

}  // namespace

IRMutator *make_join_loops(const Softmax &x) { return new JoinLoops(x); }

}  // namespace attune
