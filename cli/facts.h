// What is known of a call, and what libattune derives from it.
#ifndef ATTUNE_CLI_FACTS_H
#define ATTUNE_CLI_FACTS_H

#include "attune_pack.h"

#include <cstdint>
#include <vector>

namespace tool {

struct Facts {
    std::vector<int64_t> extents;    // one a symbol; -1: not known
    std::vector<double> attributes;  // NaN: not known
    std::vector<int> ranks;          // dimensions of each tensor; -1: absent

    explicit Facts(const attune_variant &variant);  // nothing is known
    // Derived extents and fallbacks, where they are known.
    void resolve(const attune_variant &variant);
    double value(const attune_formula &formula) const;  // NaN: not known
};

// Gives these tensors. One that may come without its outermost dimension has it, unless a rule of
// the variant that speaks of the tensor's dimensions says otherwise.
void choose_ranks(const attune_variant &variant, Facts &facts, const std::vector<int> &tensors);

}  // namespace tool
#endif
