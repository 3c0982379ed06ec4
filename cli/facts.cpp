#include "facts.h"

#include <cmath>

namespace tool {
namespace {

bool speaks_of(const attune_formula &formula, int op, int index) {
    for (int i = 0; i < formula.terms; i++)
        if (formula.term[i].op == op && formula.term[i].index == index) return true;
    return false;
}

bool breaks_a_rule(const attune_variant &variant, const Facts &facts, int tensor) {
    for (int i = 0; i < variant.rules; i++)
        if (speaks_of(variant.rule[i].holds, ATTUNE_OP_RANK, tensor) &&
            facts.value(variant.rule[i].holds) == 0)
            return true;
    return false;
}

}  // namespace

Facts::Facts(const attune_variant &variant)
    : extents(size_t(variant.extents), -1),
      attributes(size_t(variant.attributes), NAN),
      ranks(size_t(variant.tensors), -1) {}

void Facts::resolve(const attune_variant &variant) {
    attune_resolve(&variant, extents.data(), attributes.data(), ranks.data());
}

double Facts::value(const attune_formula &formula) const {
    attune_facts facts = {extents.data(), attributes.data(), ranks.data()};
    return attune_evaluate(&formula, &facts);
}

void choose_ranks(const attune_variant &variant, Facts &facts, const std::vector<int> &tensors) {
    for (int tensor : tensors) facts.ranks[size_t(tensor)] = variant.tensor[tensor].rank;
    for (int tensor : tensors)
        if (variant.tensor[tensor].leading && breaks_a_rule(variant, facts, tensor))
            facts.ranks[size_t(tensor)] -= variant.tensor[tensor].leading;
}

}  // namespace tool
