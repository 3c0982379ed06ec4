#include "sum_lanes.h"

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;

namespace {

class SumLanes : public IRMutator {
    using IRMutator::visit;

    Stmt visit(const Atomic *op) override {
        return op->mutex_name.empty() ? mutate(op->body) : IRMutator::visit(op);
    }

    Expr visit(const VectorReduce *op) override {
        const int lanes = op->value.type().lanes();
        const bool halves = op->type.is_scalar() && (lanes & (lanes - 1)) == 0;
        if (op->op != VectorReduce::Add || !op->type.is_float() || !halves)
            return IRMutator::visit(op);
        return sum(mutate(op->value));
    }

    Expr sum(const Expr &lanes) {
        const int half = lanes.type().lanes() / 2;
        if (half == 0) return lanes;
        const std::string name = unique_name("lanes");
        Expr all = Variable::make(lanes.type(), name);
        auto part = [&](int first) {
            return half > 1 ? Shuffle::make_slice(all, first, 1, half)
                            : Shuffle::make_extract_element(all, first);
        };
        return Let::make(name, lanes, sum(part(0) + part(half)));
    }
};

}  // namespace

IRMutator *make_sum_lanes() { return new SumLanes; }

}  // namespace attune
