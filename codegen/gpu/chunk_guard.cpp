#include "chunk_guard.h"

#include <string>
#include <utility>
#include <vector>

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;

namespace {

using Lets = std::vector<std::pair<std::string, Expr>>;

// Halide's name for "this stage is needed here".
bool is_flag(const std::string &name) {
    return name.find(".used") != std::string::npos || name.find(".loaded") != std::string::npos;
}

// Takes the lets off the front of a statement.
Lets take_lets(Stmt &s) {
    Lets lets;
    while (const LetStmt *let = s.as<LetStmt>()) {
        lets.emplace_back(let->name, let->value);
        s = let->body;
    }
    return lets;
}

class ChunkGuard : public IRMutator {
public:
    explicit ChunkGuard(std::string loop) : loop(std::move(loop)) {}

private:
    using IRMutator::visit;
    const std::string loop;
    Expr holds;  // the comparison that the guard has made already

    Stmt visit(const For *op) override {
        if (op->name.find(loop) == std::string::npos) return IRMutator::visit(op);
        // The flags stand before the stages; the update of the state comes after them.
        const Block *block = op->body.as<Block>();
        Stmt body = block ? block->first : op->body, update = block ? block->rest : Stmt();
        Lets lets = take_lets(body);
        Expr needed;
        for (auto &[name, value] : lets) {
            if (!is_flag(name)) continue;
            if (value.as<LT>()) holds = value;
            Expr flag = Variable::make(Halide::Bool(), name);
            needed = needed.defined() ? needed || flag : flag;
            body = substitute(name, const_true(), body);
        }
        if (!needed.defined()) return IRMutator::visit(op);
        if (update.defined()) body = Block::make(body, update);
        body = IfThenElse::make(needed, mutate(body));
        holds = Expr();
        for (size_t i = lets.size(); i-- > 0;)
            body = LetStmt::make(lets[i].first, lets[i].second, body);
        return For::make(op->name, op->min, op->extent, op->for_type, op->partition_policy,
                         op->device_api, body);
    }

    Stmt visit(const IfThenElse *op) override {
        Expr condition = mutate(op->condition);
        if (is_const_one(condition)) return mutate(op->then_case);
        Stmt otherwise = op->else_case.defined() ? mutate(op->else_case) : Stmt();
        return IfThenElse::make(condition, mutate(op->then_case), otherwise);
    }

    Expr visit(const LT *op) override {
        return holds.defined() && equal(holds, op) ? const_true() : IRMutator::visit(op);
    }
};

}  // namespace

IRMutator *make_chunk_guard(const std::string &loop) { return new ChunkGuard(loop); }

}  // namespace attune
