// A pack by hand whose declarations use formulas: derived extents, rules, offsets, page tables, and
// outputs that may come without their first dimension. Its kernels compute nothing.
#pragma once

#include "fake_pack.h"

namespace declared {

// Queries in a batch, or of all sequences together with cu_q; keys in pages.
struct PagesArgs {
    size_t struct_size = sizeof(PagesArgs);
    DLTensor *q = nullptr, *pages = nullptr, *table = nullptr, *kv_len = nullptr, *cu_q = nullptr,
             *o = nullptr, *lse = nullptr;
    int32_t max_q = INT32_MIN;
};

// Keys, in one tensor or in pages, in S parts: n_split or ceil(keys / split_size).
struct SplitArgs {
    size_t struct_size = sizeof(SplitArgs);
    DLTensor *k = nullptr, *pages = nullptr, *part = nullptr;
    int32_t n_split = INT32_MIN, split_size = INT32_MIN;
};

enum Variant { kPages, kSplit };

extern const attune_pack pack;

}  // namespace declared
