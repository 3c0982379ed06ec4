// What attune inspect reports, as JSON; the text form is printed from it.
#ifndef ATTUNE_CLI_INSPECT_REPORT_H
#define ATTUNE_CLI_INSPECT_REPORT_H

#include "call.h"

#include <nlohmann/json.hpp>

#include <string>

namespace tool {

// The kernels that were considered, each with its conditions and whether they hold.
nlohmann::json choice_json(const Call &call, int chosen);

// Work of the call, the limits of one thread of this machine, and which of them bounds it.
nlohmann::json roofline_json(const Call &call, const attune_kernel &kernel,
                             const attune_cost &cost);

// Size and inner loops of a kernel; with `assembly` also their code and llvm-mca's view. Without
// objdump {"missing": why}, or, with `assembly`, a Fault.
nlohmann::json code_json(const std::string &library, const attune_pack *pack,
                         const attune_kernel &kernel, bool assembly);

}  // namespace tool
#endif
