#include "split_div_mod.h"

#include <optional>
#include <vector>

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;

namespace {

struct Parts {
    Expr quotient, remainder;
};

void add_terms(const Expr &e, std::vector<Expr> &terms) {
    if (const Add *sum = e.as<Add>()) {
        add_terms(sum->a, terms);
        add_terms(sum->b, terms);
    } else {
        terms.push_back(e);
    }
}

// term / divisor, if that is exact.
Expr exact_quotient(const Expr &term, int64_t divisor) {
    const Mul *product = term.as<Mul>();
    auto factor = as_const_int(product ? product->b : term);
    if (!factor || *factor % divisor) return Expr();
    Expr quotient = int(*factor / divisor);
    return product ? product->a * quotient : quotient;
}

class SplitDivMod : public IRMutator {
public:
    explicit SplitDivMod(const LoopBounds &bounds) : bounds(bounds) {}

private:
    using IRMutator::visit;
    const LoopBounds &bounds;

    bool within(const Expr &e, int64_t divisor) const {
        Interval i = bounds_of_expr_in_scope(e, bounds);
        if (!i.is_bounded()) return false;
        auto low = as_const_int(simplify(i.min)), high = as_const_int(simplify(i.max));
        return low && high && *low >= 0 && *high < divisor;
    }

    std::optional<Parts> split(const Expr &dividend, const Expr &by) const {
        auto divisor = as_const_int(by);
        if (!divisor || *divisor <= 0) return {};
        std::vector<Expr> terms;
        add_terms(dividend, terms);
        Parts p{0, 0};
        for (const Expr &term : terms) {
            Expr quotient = exact_quotient(term, *divisor);
            if (quotient.defined())
                p.quotient = p.quotient + quotient;
            else
                p.remainder = p.remainder + term;
        }
        if (!within(p.remainder, *divisor)) return {};
        return p;
    }

    Expr visit(const Div *op) override {
        Expr a = mutate(op->a);
        auto p = op->type.is_int() ? split(a, op->b) : std::nullopt;
        return p ? p->quotient : Div::make(a, op->b);
    }

    Expr visit(const Mod *op) override {
        Expr a = mutate(op->a);
        auto p = op->type.is_int() ? split(a, op->b) : std::nullopt;
        return p ? p->remainder : Mod::make(a, op->b);
    }
};

}  // namespace

Expr split_div_mod(const Expr &e, const LoopBounds &bounds) {
    return SplitDivMod(bounds).mutate(e);
}

}  // namespace attune
