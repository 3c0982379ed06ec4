#include "trim_to_range.h"

#include <algorithm>
#include <map>

namespace attune {

using namespace Halide::Internal;
using Halide::Int;

namespace {

// The loops of one source: which RVar, how many keys an iteration stands for.
struct Loops {
    std::string range;  // Func of first and last key
    std::string chunks, groups, keys, terms;
    int key_chunk, key_step, term;  // keys of an iteration; term: of `terms`
};

bool ends_with(const std::string &name, const std::string &end) {
    return name.size() >= end.size() &&
           name.compare(name.size() - end.size(), end.size(), end) == 0;
}

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

class TrimToRange : public IRMutator {
public:
    explicit TrimToRange(const Softmax &x) {
        const Blocking &t = x.blocking;
        for (const SourceFuncs &p : x.sources)
            loops.push_back({p.range.name(), p.over_chunks.x.name(), p.over_groups.y.name(),
                             p.over_keys.x.name(), p.over_terms.x.name(), t.key_chunk, t.key_step,
                             t.pairs ? 2 : 1});
    }

private:
    using IRMutator::visit;
    std::vector<Loops> loops;
    std::map<std::string, Expr> lets;        // integers, in terms of what is no let
    std::map<std::string, Expr> chunk_left;  // by range: keys from the chunk's first to the end
    std::vector<Expr> positive;              // expressions that a loop in scope keeps above 0

    static Expr end_of(const std::string &range, int which) {
        return Load::make(Int(32), range + "." + std::to_string(which), 0, Halide::Buffer<>(),
                          Halide::Parameter(), const_true(), ModulusRemainder());
    }

    // Keys from the start of iteration 0 of the loop to the end, and of one iteration.
    bool keys_left(const std::string &loop, Expr &left, int &each, std::string &chunk_of) const {
        for (const Loops &s : loops) {
            if (ends_with(loop, "." + s.chunks)) {
                left = end_of(s.range, 1) - end_of(s.range, 0);
                each = s.key_chunk;
                chunk_of = s.range;
                return true;
            }
            bool groups = ends_with(loop, "." + s.groups);
            bool keys = ends_with(loop, "." + s.keys);
            if (!groups && !keys && !ends_with(loop, "." + s.terms)) continue;
            // A source of one chunk has no loop over chunks.
            auto chunk = chunk_left.find(s.range);
            left =
                chunk != chunk_left.end() ? chunk->second : end_of(s.range, 1) - end_of(s.range, 0);
            each = groups ? s.key_step : keys ? 1 : s.term;
            return true;
        }
        return false;
    }

    Stmt visit(const For *op) override {
        Expr left;
        int each = 0;
        std::string chunk_of;
        if (!keys_left(op->name, left, each, chunk_of)) return IRMutator::visit(op);
        Expr here = left - Variable::make(Int(32), op->name) * each;
        if (!chunk_of.empty()) chunk_left[chunk_of] = here;
        positive.push_back(here);
        Stmt body = mutate(op->body);
        positive.pop_back();
        if (!chunk_of.empty()) chunk_left.erase(chunk_of);
        Expr count = max(min(op->extent, (left + (each - 1)) / each), 0);
        return For::make(op->name, op->min, count, op->for_type, op->partition_policy,
                         op->device_api, body);
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
