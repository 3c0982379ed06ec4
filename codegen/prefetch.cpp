#include "prefetch.h"

#include <algorithm>
#include <map>
#include <set>

#include "loop.h"

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;
using Halide::Handle;
using Halide::Int;
using Halide::UInt;

namespace {

constexpr int kLine = 64;  // bytes of a cache line

using Values = std::map<std::string, Expr>;  // of names

// A loop some iterations later: past its end too, or its last at most.
struct Later {
    Expr any, existing;
};

using Loops = std::map<std::string, Later>;

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

Later later(const For *op, int iterations) {
    Expr then = Variable::make(Int(32), op->name) + iterations;
    return {then, min(then, op->min + op->extent - 1)};
}

// An address may be anything, but what it is made of is loaded from tables that end somewhere.
Expr at(const Loops &loops, const Expr &e) {
    LoadsBy tables(loops);
    e.accept(&tables);
    Values values;
    for (auto &[name, later] : loops) values[name] = tables.found ? later.existing : later.any;
    return substitute(values, e);
}

// Elements of a tensor of the call next to each other, in terms of what is no let.
struct Place {
    std::string buffer;
    Halide::Type type;  // of an element
    Expr first;         // undefined: no such elements
};

Place place(const std::string &buffer, Halide::Type type, const Expr &index, const Values &lets) {
    auto ramp = index.as<Ramp>();
    const bool neighbours = ramp ? is_const_one(ramp->stride) : type.is_scalar();
    if (!neighbours) return {};
    return {buffer, type.element_of(), substitute(lets, ramp ? ramp->base : index)};
}

// LLVM's own, as Halide's prefetch has no choice of the cache. Halide calls a function that its
// runtime declares by that declaration, and its runtime has a prefetch.
Stmt ask(const Place &p, const Expr &index) {
    constexpr int kRead = 0, kSecondLevel = 2, kData = 1;
    Expr base = reinterpret(UInt(64), Variable::make(Handle(), p.buffer));
    Expr offset = cast(Int(64), index) * p.type.bytes();
    Expr address = reinterpret(Handle(), base + cast(UInt(64), offset));
    return Evaluate::make(Call::make(Int(32), "llvm.prefetch.p0",
                                     {address, kRead, kSecondLevel, kData}, Call::Extern));
}

// Of a statement only the loops, which ask for what it loads or for where it stores, if that is a
// vector of a tensor of the call, or whatever of it depends on the loop `by`.
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

// One of `parts` parts of the iterations of a nest of loops; of several nests, of each.
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

class Prefetch : public IRMutator {
public:
    explicit Prefetch(const Softmax &x)
        : block(x.over_blocks.name()),
          result(x.result.name()),
          query(x.query.name()),
          state(x.sources.front().state.name()),
          one_query(x.blocking.by_columns() && !x.blocking.value_step),
          by_statements(x.blocking.value_step),
          next_block(x.blocking.next_block),
          tiles(x.blocking.query_tile / x.blocking.tile_rows),
          owners(as_const_int(x.owners) ? int(*as_const_int(x.owners)) : 1) {
        const Blocking &t = x.blocking;
        for (const SourceFuncs &p : x.sources)
            updates.push_back({p.state.name() + ".s" + std::to_string(p.update + 1) + ".",
                               "." + p.over_chunks.x.name(), "." + p.tiles.name(),
                               "." + x.v.g.name(), p.begins});
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

    // The loops of an update of the state: the start of their names, and its end.
    struct Update {
        std::string stage, chunks, tiles, owners;
        bool begins;  // SourceFuncs::begins
    };

    struct Line {
        Place place;
        int64_t elements;  // after the first, of a row
    };

    const std::string block, result, query, state;  // RVar of the blocks, Funcs
    const bool one_query, by_statements, next_block;  // next_block: Blocking's
    const int tiles, owners;      // of a block's rows; of columns, 1 if no constant
    std::set<std::string> ahead;  // Funcs whose loads of keys are asked for in their place
    std::string innermost;        // loop around the statement being visited
    std::vector<Ahead> loops;
    std::vector<Update> updates;
    Expr chunk, tile;         // indices of an update's loops in scope
    Loops keys, this_block;   // in scope
    std::vector<const For *> around;  // loops of the result, blocks innermost
    Expr distance;            // from what the loop over keys loads to what it asks for
    Values lets;              // in terms of what is no let
    std::vector<Line> lines;  // that the statement being visited loads
    Stmt next_queries;
    Stmt of_block;  // what the block in scope asks for, to be placed in its first update
    bool placed = false;

    // The block that comes after this one, the innermost loop of the result counting first.
    Loops next() const {
        Loops out;
        Expr carry = const_true();
        for (auto op = around.rbegin(); op != around.rend(); ++op) {
            Expr here = Variable::make(Int(32), (*op)->name), end = (*op)->min + (*op)->extent;
            Expr then = here + select(carry, 1, 0);
            const bool outermost = op + 1 == around.rend();
            carry = carry && then == end;
            then = outermost ? min(then, end - 1) : select(carry, (*op)->min, then);
            out[(*op)->name] = {then, then};
        }
        return out;
    }

    Stmt visit(const For *op) override {
        const std::string outer = std::exchange(innermost, op->name);
        Stmt out = of_loop(op);
        innermost = outer;
        return out;
    }

    Stmt of_loop(const For *op) {
        if (starts_with(op->name, result + ".") && this_block.empty()) {
            around.push_back(op);
            if (ends_with(op->name, "." + block)) this_block = next();
            Stmt out = IRMutator::visit(op);
            around.pop_back();
            this_block.clear();
            return out;
        }
        for (const Update &u : updates) {
            if (!starts_with(op->name, u.stage)) continue;
            if (ends_with(op->name, u.chunks)) return in_scope(op, chunk);
            if (ends_with(op->name, u.tiles)) return in_scope(op, tile);
            if (ends_with(op->name, u.owners) && u.begins && of_block.defined()) return spread(op);
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

    Stmt in_scope(const For *op, Expr &index) {
        index = Variable::make(Int(32), op->name);
        Stmt out = IRMutator::visit(op);
        index = Expr();
        return out;
    }

    // A part of what the block asks for with each group of columns of each tile, in its first
    // chunk. All at once they would wait for the core's few miss buffers (Emerald Rapids: a window
    // of 256 keys 0.556 -> 0.593, tls_bidir_w128_r32 0.49 -> 0.50).
    Stmt spread(const For *op) {
        placed = true;
        Expr owner = Variable::make(Int(32), op->name);
        Expr part = tile.defined() ? tile * owners + owner : owner;
        Stmt asks = part_of(of_block, part, owners * tiles);
        if (chunk.defined()) asks = IfThenElse::make(chunk == 0, asks);
        return loop(op, op->min, op->extent, Block::make(asks, mutate(op->body)));
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
        if (tile.defined() && !by_statements) asks = IfThenElse::make(tile == 0, asks);
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
            return Asking(Asking::Loads, lets, {}, innermost).mutate(op->body);
        if (next_block && op->is_producer && op->name == query && !this_block.empty()) {
            next_queries = Asking(Asking::Loads, lets, this_block).mutate(op->body);
        }
        return IRMutator::visit(op);
    }

    Stmt visit(const Block *op) override {
        auto made = op->first.as<ProducerConsumer>();
        if (!made || !made->is_producer || made->name != state || !next_queries.defined())
            return IRMutator::visit(op);
        of_block = Block::make(std::exchange(next_queries, Stmt()),
                               Asking(Asking::Stores, lets, {}).mutate(op->rest));
        placed = false;
        Stmt out = IRMutator::visit(op), asks = std::exchange(of_block, Stmt());
        return placed ? out : Block::make(asks, out);
    }
};

}  // namespace

IRMutator *make_prefetch(const Softmax &x) { return new Prefetch(x); }

}  // namespace attune
