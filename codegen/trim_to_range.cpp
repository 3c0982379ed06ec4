#include "trim_to_range.h"

#include <algorithm>
#include <map>

#include "loop.h"

namespace attune {

using namespace Halide::Internal;
using Halide::Int;

namespace {

// The loops of one source: which RVar, how many keys an iteration stands for.
struct Loops {
    std::string state;              // Func
    std::string range, tile_range;  // Funcs of first and last key; "": none
    std::string chunks, groups, keys, terms, steps, tiles, places;  // steps: or ""
    int key_chunk, key_step, term, value_step;  // keys of an iteration; term: of `terms`
    int margin;                     // iterations of `places` at both ends that are for no pair
};

// A sum as terms and how often each counts: simplify() does not cancel what nests in another order.
using Terms = std::map<Expr, int64_t, IRDeepCompare>;
void add_terms(const Expr &e, int64_t factor, Terms &terms) {
    if (const Add *add = e.as<Add>()) {
        add_terms(add->a, factor, terms);
        add_terms(add->b, factor, terms);
    } else if (const Sub *sub = e.as<Sub>()) {
        add_terms(sub->a, factor, terms);
        add_terms(sub->b, -factor, terms);
    } else if (const Mul *mul = e.as<Mul>(); mul && as_const_int(mul->b)) {
        add_terms(mul->a, factor * *as_const_int(mul->b), terms);
    } else if (auto number = as_const_int(e)) {
        terms[Expr(1)] += factor * *number;
    } else {
        terms[simplify(e)] += factor;
    }
}

// How often a loop inside a statement runs, in terms of what is no let.
class Iterations : public IRVisitor {
public:
    Iterations(std::string loop, std::map<std::string, Expr> lets)
        : loop(std::move(loop)), lets(std::move(lets)) {}
    Expr count;  // undefined: there is no such loop

private:
    using IRVisitor::visit;
    const std::string loop;  // the end of its name
    std::map<std::string, Expr> lets;

    void visit(const LetStmt *op) override {
        lets[op->name] = substitute(lets, op->value);
        op->body.accept(this);
    }

    void visit(const For *op) override {
        if (ends_with(op->name, loop)) count = substitute(lets, op->extent);
        op->body.accept(this);
    }
};

class TrimToRange : public IRMutator {
public:
    explicit TrimToRange(const Softmax &x)
        : rows("." + x.over_rows.name()),
          block(x.over_blocks.name()),
          result(x.result.name()),
          tile_rows(x.blocking.tile_rows) {
        const Blocking &t = x.blocking;
        for (const SourceFuncs &p : x.sources)
            loops.push_back(
                {p.state.name(), p.range.name(), p.tile_range.defined() ? p.tile_range.name() : "",
                 p.over_chunks.x.name(), p.over_groups.y.name(), p.over_keys.x.name(),
                 p.over_terms.x.name(), t.value_step ? p.over_steps.y.name() : "", p.tiles.name(),
                 p.places.name(), t.key_chunk, t.key_step, t.pairs ? 2 : 1, t.value_step,
                 p.source.relative.margin / x.relative_step()});
    }

private:
    using IRMutator::visit;
    std::vector<Loops> loops;
    const std::string rows, block, result;  // RVars of a block's rows, of blocks; a Func
    const int tile_rows;
    Expr rows_left;                          // in a block: those that it stores
    Expr tile;                               // in an update of the state: the tile's index
    std::map<std::string, Expr> lets;        // integers, in terms of what is no let
    std::map<std::string, Expr> chunk_left;  // by range: keys from the chunk's first to the end
    std::vector<Expr> positive;              // expressions that a loop in scope keeps above 0

    // First (0) or last (1) key of a block, or of one of its tiles.
    static Expr end_of(const std::string &range, int which, Expr tile = 0) {
        return Load::make(Int(32), range + "." + std::to_string(which), tile, Halide::Buffer<>(),
                          Halide::Parameter(), const_true(), ModulusRemainder());
    }

    // Keys from the chunk's first to the end. A source of one chunk has no loop over chunks.
    Expr in_chunk(const Loops &s) const {
        auto chunk = chunk_left.find(s.range);
        return chunk != chunk_left.end() ? chunk->second : end_of(s.range, 1) - end_of(s.range, 0);
    }

    // First or last key of the tile whose loop is in scope, from the chunk's first.
    Expr tile_end(const Loops &s, int which) const {
        return end_of(s.tile_range, which, tile) - (end_of(s.range, 1) - in_chunk(s));
    }

    // None at all where a sequence has fewer rows than the longest.
    Stmt blocks(const For *op) {
        Iterations stored(rows, lets);
        op->body.accept(&stored);
        rows_left = stored.count;
        Stmt body = mutate(op->body);
        if (rows_left.defined()) body = IfThenElse::make(0 < rows_left, body);
        rows_left = Expr();
        return loop(op, op->min, op->extent, body);
    }

    // Up to the last row. In the update of the state, only those that see a key of the chunk.
    Stmt tiles(const For *op, const Loops &s) {
        const bool ranges = !s.tile_range.empty() && starts_with(op->name, s.state + ".");
        if (ranges) tile = Variable::make(Int(32), op->name);
        Stmt body = mutate(op->body);
        if (ranges) {
            Expr first = max(tile_end(s, 0), 0), last = min(tile_end(s, 1), s.key_chunk);
            body = IfThenElse::make(first < last, body);
        }
        tile = Expr();
        Expr count = op->extent;
        if (rows_left.defined()) count = min(count, (rows_left + (tile_rows - 1)) / tile_rows);
        return loop(op, op->min, count, body);
    }

    Stmt places(const For *op, const Loops &s) {
        Expr count = max(op->extent - 2 * s.margin, 0);
        return loop(op, op->min + s.margin, count, mutate(op->body));
    }

    Stmt chunks(const For *op, const Loops &s) {
        Expr left = in_chunk(s);
        chunk_left[s.range] = left - Variable::make(Int(32), op->name) * s.key_chunk;
        Stmt out = shortened(op, 0, left, s.key_chunk, chunk_left[s.range]);
        chunk_left.erase(s.range);
        return out;
    }

    // Groups, keys or terms, `each` of them keys.
    Stmt keys(const For *op, const Loops &s, int each) {
        Expr left = in_chunk(s), here = left - Variable::make(Int(32), op->name) * each;
        if (!tile.defined()) return shortened(op, 0, left, each, here);
        return shortened(op, max(tile_end(s, 0), 0) / each, min(left, tile_end(s, 1)), each, here);
    }

    // Whole ones.
    Stmt steps(const For *op, const Loops &s) {
        Expr count = min(op->extent, max(in_chunk(s), 0) / s.value_step);
        return loop(op, op->min, count, mutate(op->body));
    }

    // To iterations from the first until those of `left` keys; here: of them, from this one on.
    Stmt shortened(const For *op, Expr first, Expr left, int each, Expr here) {
        positive.push_back(here);
        Stmt body = mutate(op->body);
        positive.pop_back();
        Expr count = max(min(op->extent, (left + (each - 1)) / each) - first, 0);
        return loop(op, op->min + first, count, body);
    }

    Stmt visit(const For *op) override {
        if (starts_with(op->name, result + ".") && ends_with(op->name, "." + block))
            return blocks(op);
        for (const Loops &s : loops) {
            if (ends_with(op->name, "." + s.tiles)) return tiles(op, s);
            if (ends_with(op->name, "." + s.places)) return places(op, s);
            if (ends_with(op->name, "." + s.chunks)) return chunks(op, s);
            if (ends_with(op->name, "." + s.groups)) return keys(op, s, s.key_step);
            if (ends_with(op->name, "." + s.keys)) return keys(op, s, 1);
            if (ends_with(op->name, "." + s.terms)) return keys(op, s, s.term);
            if (ends_with(op->name, "." + s.steps)) return steps(op, s);
        }
        return IRMutator::visit(op);
    }

    // Halide frees the tiles' ranges where the block's range is made of them.
    Stmt visit(const Free *op) override {
        for (const Loops &s : loops)
            if (!s.tile_range.empty() && starts_with(op->name, s.tile_range + "."))
                return Evaluate::make(0);
        return op;
    }

    // a < b where b - a is what the loop keeps positive.
    bool known(const Expr &condition) const {
        const LT *lt = condition.as<LT>();
        if (!lt || lt->a.type() != Int(32)) return false;
        Expr difference = substitute(lets, lt->b) - substitute(lets, lt->a);
        return std::any_of(positive.begin(), positive.end(), [&](const Expr &p) {
            Terms terms;
            add_terms(difference - p, 1, terms);
            return std::all_of(terms.begin(), terms.end(), [](auto &t) { return t.second == 0; });
        });
    }

    Expr visit(const LT *op) override { return known(op) ? const_true() : Expr(op); }

    Stmt visit(const LetStmt *op) override {
        if (op->value.type() == Int(32)) lets[op->name] = substitute(lets, op->value);
        return IRMutator::visit(op);
    }

    Stmt visit(const IfThenElse *op) override {
        Expr condition = mutate(op->condition);
        if (is_const_one(condition)) return mutate(op->then_case);
        Stmt rest = op->else_case.defined() ? mutate(op->else_case) : Stmt();
        return IfThenElse::make(condition, mutate(op->then_case), rest);
    }
};

}  // namespace

IRMutator *make_trim_to_range(const Softmax &x) { return new TrimToRange(x); }

}  // namespace attune
