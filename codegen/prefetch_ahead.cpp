#include "prefetch_ahead.h"

#include <algorithm>
#include <map>

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;
using Halide::Handle;
using Halide::Int;

namespace {

constexpr int kLine = 64;  // bytes of a cache line

class PrefetchAhead : public IRMutator {
public:
    explicit PrefetchAhead(const Softmax &x) {
        const int ahead = x.blocking.ahead;
        for (const SourceFuncs &p : x.sources) {
            loops.push_back({"." + p.keys.name(), ahead / kKeysOfTile});
            loops.push_back({"." + p.over_steps.y.name(), ahead / x.blocking.value_step});
        }
    }

private:
    using IRMutator::visit;

    struct Ahead {
        std::string loop;  // the end of its name
        int iterations;
    };

    struct Line {
        std::string buffer;
        Halide::Type type;  // of an element
        Expr index;
    };

    std::vector<Ahead> loops;
    std::map<std::string, Expr> later;  // loops in scope, as they will be
    std::map<std::string, Expr> lets;   // in terms of what is no let
    std::vector<Line> lines;            // that the statement being visited loads

    Stmt visit(const For *op) override {
        for (const Ahead &a : loops) {
            if (!ends_with(op->name, a.loop)) continue;
            later[op->name] = Variable::make(Int(32), op->name) + a.iterations;
            Stmt out = IRMutator::visit(op);
            later.erase(op->name);
            return out;
        }
        return IRMutator::visit(op);
    }

    Stmt visit(const LetStmt *op) override {
        lets[op->name] = substitute(lets, op->value);
        return IRMutator::visit(op);
    }

    Expr visit(const Load *op) override {
        if (later.empty() || !op->param.defined()) return op;
        auto ramp = op->index.as<Ramp>();
        if (!ramp || !is_const_one(ramp->stride)) return op;
        Expr now = substitute(lets, ramp->base), then = simplify(substitute(later, now));
        if (equal(now, then)) return op;
        const int elements = kLine / op->type.element_of().bytes();
        const bool near = std::any_of(lines.begin(), lines.end(), [&](const Line &line) {
            auto distance = as_const_int(simplify(then - line.index));
            return line.buffer == op->name && distance && std::abs(*distance) < elements;
        });
        if (!near) lines.push_back({op->name, op->type.element_of(), then});
        return op;
    }

    // Each statement asks for itself, though several load the same line: a core with no free miss
    // buffer drops the request. Once an iteration of the innermost loop: Zen 3 0.55 -> 0.49 of the
    // reading loop in groups of 8, 0.58 -> 0.52 in groups of 4, f16 0.52 -> 0.54 of the peak.
    Stmt visit(const Store *op) override {
        std::vector<Line> outer;
        lines.swap(outer);
        Stmt out = IRMutator::visit(op);
        for (const Line &line : lines) {
            Expr ask = Call::make(line.type, Call::prefetch,
                                  {Variable::make(Handle(), line.buffer), line.index, 1, 1},
                                  Call::Intrinsic);
            out = Block::make(Evaluate::make(ask), out);
        }
        lines.swap(outer);
        return out;
    }
};

}  // namespace

IRMutator *make_prefetch_ahead(const Softmax &x) { return new PrefetchAhead(x); }

}  // namespace attune
