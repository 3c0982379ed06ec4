// Keys and values in pages.
#pragma once

#include "dense_family.h"

namespace attune {

// k_pages, v_pages, block_table. optional: there may be none of them.
void declare_pages(Variant &v, bool optional);

// Sets where the keys of s.batch are.
void find_in_pages(Build &x, Sequence &s);

}  // namespace attune
