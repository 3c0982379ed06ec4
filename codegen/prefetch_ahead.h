// Prefetches of K and V.
#pragma once

#include "../generators/blocked_softmax.h"

namespace attune {

// A lowering pass: the loops over tiles of keys and over steps of V ask for what they will load
// from the call's tensors Blocking::ahead rows later. Func::prefetch() asks for boxes, which rows
// of a page table are not, and is dropped from loops that a where() cuts. Halide's only instruction
// is prefetchnta, into the first-level cache: it does not fault, so that rows past the end do no
// harm. Zen 3, groups of 4 heads: 13 -> 15.5 GB/s of 18, heads of a token side by side 5.5 -> 8.
Halide::Internal::IRMutator *make_prefetch_ahead(const Softmax &x);

}  // namespace attune
