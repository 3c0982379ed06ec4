// Why libattune runs one kernel of a pack and not another.
#ifndef ATTUNE_CLI_KERNEL_CHOICE_H
#define ATTUNE_CLI_KERNEL_CHOICE_H

#include "call.h"

#include <string>
#include <vector>

namespace tool {

struct Condition {
    std::string text;  // "bias absent", "D = 64", "0 <= left <= 255"
    bool holds;
};

struct Candidate {
    const attune_kernel *kernel;
    bool chosen;
    std::vector<Condition> conditions;
};

// The kernels of the variant with the chosen one's target and dtype, up to it: more special ones
// come first in a pack, so each before it has a condition that does not hold.
std::vector<Candidate> candidates(const Call &call, int chosen);

}  // namespace tool
#endif
