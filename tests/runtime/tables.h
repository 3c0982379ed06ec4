// Entries of a pack's tables, for packs written by hand.
#pragma once

#include <attune_pack.h>

#include <deque>
#include <initializer_list>
#include <vector>

namespace fake {

// The terms live as long as the program.
inline attune_formula formula(const char *text, std::initializer_list<attune_term> terms) {
    static std::deque<std::vector<attune_term>> all;
    all.emplace_back(terms);
    return {int(terms.size()), all.back().data(), text};
}

inline attune_tensor tensor(const char *name, int dtype, std::initializer_list<int> extents,
                            size_t offset) {
    attune_tensor t = {};
    t.name = name;
    t.doc = "";
    t.dtype = dtype;
    for (int symbol : extents) t.extents[t.rank++] = symbol;
    t.offset = offset;
    return t;
}

inline attune_tensor output(attune_tensor t, int optional = 0) {
    t.output = 1;
    t.optional = optional;
    return t;
}

}  // namespace fake
