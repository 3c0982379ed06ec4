// A shape as a call with data: N(0, 1) by a generator with a fixed seed, random permutations and
// page tables, offsets of equal parts, others at the upper end of their range; integers of no
// range hold what counts when they are absent, or 1.
#ifndef ATTUNE_CLI_WORKLOAD_H
#define ATTUNE_CLI_WORKLOAD_H

#include "call.h"
#include "shape.h"

#include <memory>

namespace tool {

std::unique_ptr<Call> make_workload(const attune_pack *pack, const Shape &shape);

}  // namespace tool
#endif
