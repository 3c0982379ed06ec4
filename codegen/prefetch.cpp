#include "prefetch.h"

#include <algorithm>
#include <set>

#include "asks.h"
#include "loop.h"

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;
using Halide::Int;

namespace {

class Prefetch : public IRMutator {
public:
    explicit Prefetch(const Softmax &x)
        : one_query(x.blocking.by_columns() && !x.blocking.value_step),
          by_statements(x.blocking.value_step) {
        const Blocking &t = x.blocking;
        for (const SourceFuncs &p : x.sources)
            if (p.ahead.defined()) ahead.insert(p.ahead.name());
        auto add = [&](const std::string &loop, int keys, const Expr &row) {
            const int iterations = (t.ahead + keys - 1) / keys;
            loops.push_back({"." + loop, iterations, simplify(row * (iterations * keys))});
        };
        if (!t.ahead) return;
        for (const SourceFuncs &p : x.sources) {
            add(p.over_groups.y.name(), t.key_step, x.head);
            if (t.by_columns()) {
                if (t.value_step)
                    add(p.over_steps.y.name(), t.value_step, x.value_head);
                else
                    add(p.over_keys.x.name(), 1, x.value_head);
                continue;
            }
            tile_loops.push_back({p.state.name() + ".", "." + p.tiles.name()});
            auto staged = [&](const Func &f, const Halide::RVar &over, int keys) {
                if (f.has_update_definition()) add(f.name() + ".s1." + over.name(), keys, x.head);
            };
            staged(p.key, p.over_keys.x, 1);
            staged(p.value, p.over_terms.x, t.pairs ? 2 : 1);
        }
    }

private:
    using IRMutator::visit;

    struct Ahead {
        std::string loop;  // the end of its name
        int iterations;
        Expr elements;  // of the rows in these, if they are neighbours
    };

    // Over the tiles of a block, in an update of the state: the start and the end of its name.
    struct TileLoop {
        std::string state, tiles;
    };

    struct Line {
        Place place;
        int64_t elements;  // after the first, of a row
    };

    const bool one_query, by_statements;
    std::set<std::string> ahead;  // Funcs whose loads of keys are asked for in their place
    std::string innermost;        // loop around the statement being visited
    std::vector<Ahead> loops;
    std::vector<TileLoop> tile_loops;
    Expr tile;                // in such a loop: its index
    Loops keys;               // in scope
    Expr distance;            // from what the loop over keys loads to what it asks for
    Values lets;              // in terms of what is no let
    std::vector<Line> lines;  // that the statement being visited loads

    Stmt visit(const For *op) override {
        const std::string outer = std::exchange(innermost, op->name);
        Stmt out = of_loop(op);
        innermost = outer;
        return out;
    }

    Stmt of_loop(const For *op) {
        for (const TileLoop &l : tile_loops) {
            if (!starts_with(op->name, l.state) || !ends_with(op->name, l.tiles)) continue;
            tile = Variable::make(Int(32), op->name);
            Stmt out = IRMutator::visit(op);
            tile = Expr();
            return out;
        }
        for (const Ahead &a : loops) {
            if (!ends_with(op->name, a.loop)) continue;
            keys[op->name] = later(op, a.iterations);
            distance = Expr();
            Stmt body = of_statement([&] { return mutate(op->body); });
            Stmt out = loop(op, op->min, op->extent, body);
            keys.erase(op->name);
            if (!one_query || !distance.defined()) return out;
            if (!as_const_int(a.elements)) return op;  // nothing is asked for
            Expr apart = substitute(op->name, op->min, distance) != a.elements;
            return IfThenElse::make(apart, out, op);
        }
        return keys.empty() || by_statements ? IRMutator::visit(op) : inside(op);
    }

    // Lines are asked for before the loops over a row, and inside those over rows.
    Stmt inside(const For *op) {
        std::vector<Line> outer, of_row;
        lines.swap(outer);
        Stmt body = mutate(op->body);
        lines.swap(of_row);
        Expr first = substitute(lets, op->min), last = substitute(lets, op->min + op->extent - 1);
        auto at = [&](const Expr &iteration, const Expr &e) {
            return simplify(substitute(op->name, iteration, e));
        };
        for (Line line : of_row) {
            Expr start = at(first, line.place.first);
            auto elements = as_const_int(simplify(at(last, line.place.first) - start));
            if (elements) {
                line.place.first = start;
                line.elements += *elements;
                add(outer, line);
            } else if (is_const(op->extent)) {
                lines.push_back(line);
            }  // else a row of a length that is given at run time
        }
        if (distance.defined()) distance = at(first, distance);
        body = asked(body);
        lines.swap(outer);
        return loop(op, op->min, op->extent, body);
    }

    Stmt visit(const LetStmt *op) override {
        lets[op->name] = substitute(lets, op->value);
        if (!by_statements) return IRMutator::visit(op);
        Stmt body = mutate(op->body);
        return of_statement([&] { return LetStmt::make(op->name, mutate(op->value), body); });
    }

    Expr visit(const Load *op) override {
        if (ahead.count(op->name)) return make_zero(op->type);
        if (keys.empty() || !op->param.defined()) return op;
        Place p = place(op->name, op->type, op->index, lets);
        if (!p.first.defined()) return op;
        Expr then = at(keys, p.first);
        if (equal(simplify(p.first), simplify(then))) return op;
        if (!distance.defined()) distance = simplify(then - p.first);
        p.first = simplify(then);
        add(lines, {p, 0});
        return op;
    }

    static void add(std::vector<Line> &lines, const Line &one) {
        const Place &p = one.place;
        const bool near = std::any_of(lines.begin(), lines.end(), [&](const Line &line) {
            if (line.place.buffer != p.buffer) return false;
            auto distance = as_const_int(simplify(p.first - line.place.first));
            return distance && std::abs(*distance) < kLine / p.type.bytes();
        });
        if (!near) lines.push_back(one);
    }

    Stmt asked(const Stmt &then) const {
        std::vector<Stmt> all;
        for (const Line &line : lines)
            for (int64_t i = 0; i <= line.elements; i += kLine / line.place.type.bytes())
                all.push_back(ask(line.place, simplify(line.place.first + int(i))));
        if (all.empty()) return then;
        Stmt asks = Block::make(all);
        // A block's other tiles read the same rows.
        if (tile.defined()) asks = IfThenElse::make(tile == 0, asks);
        return Block::make(asks, then);
    }

    // What `mutated` loads is asked for before it.
    Stmt of_statement(const std::function<Stmt()> &mutated) {
        std::vector<Line> outer;
        lines.swap(outer);
        Stmt out = mutated();
        out = asked(out);
        lines.swap(outer);
        return out;
    }

    // Where heads share keys each statement asks for itself, though several load the same line: a
    // core with no free miss buffer drops the request. Once an iteration: Zen 4, groups of 8
    // 16.6 -> 18.3 ms, of 4 2.5 -> 3.2 ms.
    Stmt visit(const Store *op) override {
        if (!by_statements) return IRMutator::visit(op);
        return of_statement([&] { return IRMutator::visit(op); });
    }

    Stmt visit(const ProducerConsumer *op) override {
        if (op->is_producer && ahead.count(op->name))
            return asks_for_loads(op->body, lets, {}, innermost);
        return IRMutator::visit(op);
    }
};

}  // namespace

IRMutator *make_prefetch(const Softmax &x) { return new Prefetch(x); }

}  // namespace attune
