// What this machine can run, and what the pack says that it can do.
#ifndef ATTUNE_TESTS_OPERATORS_MACHINE_H
#define ATTUNE_TESTS_OPERATORS_MACHINE_H

#include "call.h"

namespace attune::tests {

// Of the CPU here, lowest first, found without asking the library under test. All functions leave
// out what the environment's ATTUNE_TEST_TARGETS, a list like "avx2,opencl", does not name.
std::vector<std::string> cpu_targets();

// cpu_targets(), then "opencl" if some OpenCL platform is installed.
std::vector<std::string> all_targets();

// Storage types of the pack's kernels of a variant for the targets, f32 first.
std::vector<Dtype> dtypes(const std::string &op, const std::vector<std::string> &targets);

// Whether a kernel for the target admits the call, by the pack's table of conditions. CPU packs
// must take every call; GPU kernels end at a head size and lack options.
bool is_admitted(const attune_pack *pack, const std::string &target, const Case &call);

// What the pack has to answer to a legal call.
attune_status expected_status(const attune_pack *pack, const std::string &target, const Case &call);

}  // namespace attune::tests
#endif
