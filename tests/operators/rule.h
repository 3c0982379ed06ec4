// The error rule: a kernel errs at most twice as much as a naive sequential implementation in the
// same type, plus 4 * 2^-24 * max|V|.
#ifndef ATTUNE_TESTS_OPERATORS_RULE_H
#define ATTUNE_TESTS_OPERATORS_RULE_H

#include "call.h"

#include <gtest/gtest.h>

namespace attune::tests {

struct Bound {
    std::vector<double> want;
    double error; // absolute
};

// What the outputs of a call must be, from the oracle.
class Expected {
public:
    explicit Expected(const Case &call);
    // Checks each output that the call has.
    testing::AssertionResult holds(const Case &call) const;
    const Bound &bound(const std::string &output) const { return bounds_.at(output); }

private:
    std::map<std::string, Bound> bounds_;
};

} // namespace attune::tests
#endif
