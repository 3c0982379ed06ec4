#include "attention.h"

namespace attune {

using Halide::Internal::Call;

namespace {

Expr branch(const Expr &condition, const Expr &chosen, const Expr &other) {
    return Call::make(chosen.type(), Call::if_then_else, {condition, chosen, other},
                      Call::PureIntrinsic);
}

// What is used twice in a branch Halide computes once, before it looks at the condition: f16 bits
// on CPUs that do not widen them. So the load of such bits has the condition to itself.
class GuardBits : public Halide::Internal::IRMutator {
public:
    explicit GuardBits(Expr condition) : condition(std::move(condition)) {}

private:
    const Expr condition;
    using IRMutator::visit;
    Expr visit(const Call *load) override {
        if (load->call_type != Call::Image || load->type != Halide::UInt(16))
            return IRMutator::visit(load);
        return branch(condition, load, Halide::Internal::make_zero(load->type));
    }
};

Expr guarded(const Expr &condition, const Expr &e) { return GuardBits(condition).mutate(e); }

}  // namespace

Expr either(Expr condition, Expr chosen, Expr other) {
    condition = simplify(condition);
    if (is_const_one(condition)) return chosen;
    if (is_const_zero(condition)) return other;
    return branch(condition, guarded(condition, chosen), guarded(!condition, other));
}

}  // namespace attune
