// Static analysis of a loop by llvm-mca.
#ifndef ATTUNE_CLI_MCA_H
#define ATTUNE_CLI_MCA_H

#include "disassembly.h"

#include <string>

namespace tool {

struct Analysis {
    std::string processor;         // the model that was used, e.g. znver3
    double reciprocal_throughput;  // cycles of one iteration, by the busiest resource
    std::string pressure;          // llvm-mca's resources and their pressure, several lines
};

// With the model nearest to this CPU that the installed llvm-mca knows and that has the loop's
// instructions. Throws Fault(PACK_CANNOT) if there is none.
Analysis analyse(const Loop &loop);

}  // namespace tool
#endif
