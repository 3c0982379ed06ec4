// Runs one call on one target and checks everything that holds for every call.
#ifndef ATTUNE_TESTS_OPERATORS_CHECK_H
#define ATTUNE_TESTS_OPERATORS_CHECK_H

#include "config.h"
#include "rule.h"

namespace attune::tests {

// The contexts of the tests, one a target, with two threads; made when first asked for.
attune_context *context_for(const std::string &target);

// Calls; expects the status that the release promises, and on success the error rule and no write
// outside the outputs, else outputs as they were and a message.
testing::AssertionResult check(const std::string &target, const Case &call,
                               const Expected &expected);

// The same for fresh tensors of a configuration, on each target that has kernels for it.
// `repeat`: how to run this one again.
void check_everywhere(const Config &config, const std::vector<std::string> &targets,
                      const std::string &repeat = "");

// Outputs of a successful call as raw values, for comparisons bit by bit.
using Bits = std::map<std::string, std::vector<std::uint32_t>>;
Bits bits_of(const Case &call);
Bits run(attune_context *context, const Case &call);  // throws if the call fails

}  // namespace attune::tests
#endif
