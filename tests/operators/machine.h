// What this machine can run, and what this release says it cannot do.
#ifndef ATTUNE_TESTS_OPERATORS_MACHINE_H
#define ATTUNE_TESTS_OPERATORS_MACHINE_H

#include "call.h"

namespace attune::tests {

// Of the CPU here, lowest first, found without asking the library under test. All functions leave
// out what the environment's ATTUNE_TEST_TARGETS, a list like "avx2,opencl", does not name.
std::vector<std::string> cpu_targets();

// cpu_targets(), then "opencl" if some OpenCL platform is installed.
std::vector<std::string> all_targets();

// Tensors that a call has, and attributes that it switches on, which no kernel of this release
// takes. Empty: every kernel table should serve it.
std::string not_in_release(const Case &call);

// Whether a kernel for the target admits the call's extents, by the pack's table of conditions.
// CPU packs must take every extent; GPU kernels end at a head size.
bool extents_fit(const attune_pack *pack, const std::string &target, const Case &call);

// What the pack has to answer to a legal call.
attune_status expected_status(const attune_pack *pack, const std::string &target, const Case &call);

}  // namespace attune::tests
#endif
