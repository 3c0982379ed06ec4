// Prefetches of keys into the second-level cache.
#pragma once

#include "../generators/blocked_softmax.h"

namespace attune {

// A lowering pass for CPU schedules. Loops over keys ask for the rows of K, and of V with columns
// on the lanes or where it is copied or converted, that they load Blocking::ahead keys later, and
// for what SourceFuncs::ahead loads. One query asks for rows of a constant size that are no
// neighbours in memory: the core's prefetchers follow the others, and asking for them as well costs
// up to half of the speed. Func::prefetch() asks for boxes, which rows of a page table are not, is
// dropped from loops that a where() cuts, and is prefetchnta, which fills the first-level cache
// only. Addresses past the end of a tensor do no harm: a prefetch does not fault. Zen 4, AVX-512:
// docs/cpu-kernels.md has the figures.
Halide::Internal::IRMutator *make_prefetch(const Softmax &x);

}  // namespace attune
