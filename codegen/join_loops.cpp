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

// Puts a statement where a loop was and takes ends of allocations out: before the statement those
// that `with` needs, if it is there, else those that the loop needed.
class Replace : public IRMutator {
public:
    Replace(const For *loop, Stmt with, bool moved)
        : loop(loop), with(std::move(with)), moved(moved) {}
    std::vector<Stmt> ends;

private:
    using IRMutator::visit;
    const For *loop;
    const Stmt with;
    const bool moved;  // the loop is elsewhere then
    bool done = false;

    Stmt visit(const For *op) override {
        if (op != loop) return IRMutator::visit(op);
        done = true;
        Stmt out = with;
        for (const Stmt &end : ends) out = Block::make(out, end);
        return out;
    }
    Stmt visit(const Free *op) override {
        const bool needed =
            moved ? stmt_uses_var(loop->body, op->name) : !done && stmt_uses_var(with, op->name);
        if (!needed) return op;
        ends.push_back(op);
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
        Stmt first = op->first, rest = op->rest;
        for (const Pair &pair : pairs) join(first, rest, pair);
        return Block::make(mutate(first), mutate(rest));
    }

    // Moves the loop of `first` into the one of `rest`.
    static void join(Stmt &first, Stmt &rest, const Pair &pair) {
        const std::string none;
        Find made(pair.made, true, none), reduced(pair.reduced, false, pair.made.func);
        first.accept(&made);
        if (!made.found) return;
        Find both(pair.reduced, false, none);
        first.accept(&both);
        rest.accept(&reduced);
        if (both.found || !reduced.found || reduced.read) return;
        Expr index = Variable::make(Halide::Int(32), reduced.found->name);
        Stmt body = substitute(made.found->name, index, made.found->body);
        for (auto let = made.lets.rbegin(); let != made.lets.rend(); ++let)
            body = LetStmt::make((*let)->name, (*let)->value, body);
        const For *op = reduced.found;
        Replace taken(made.found, Evaluate::make(0), true);
        first = taken.mutate(first);
        std::vector<Stmt> joined{loop(op, op->min, op->extent, Block::make(body, op->body))};
        joined.insert(joined.end(), taken.ends.begin(), taken.ends.end());
        rest = Replace(op, Block::make(joined), false).mutate(rest);
    }
};

}  // namespace

IRMutator *make_join_loops(const Softmax &x) { return new JoinLoops(x); }

}  // namespace attune
