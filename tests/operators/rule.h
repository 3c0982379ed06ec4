// The error rule: a kernel errs at most twice as much as a naive sequential implementation in the
// same type, plus 4 * 2^-24 * max|V|; for the log-sum-exp, plus 1e-5, or 1e-3 for 16-bit storage.
// The naive implementation in a 16-bit type computes in f32 on tensors of that type, and rounds the
// weights before their product with V, and the result; a kernel may add one rounding of the result.
#ifndef ATTUNE_TESTS_OPERATORS_RULE_H
#define ATTUNE_TESTS_OPERATORS_RULE_H

#include "call.h"

#include <gtest/gtest.h>

namespace attune::tests {

struct Errors {  // the largest, absolute; infinite for a NaN or another infinity
    double kernel, naive;
};

// What the outputs of a call must be, from the oracle.
class Expected {
public:
    explicit Expected(const Case &call);
    // Checks each output that the call has.
    testing::AssertionResult holds(const Case &call) const;
    Errors errors(const Case &call, const std::string &output) const;

private:
    struct Bound {
        std::vector<double> want;
        double naive, error, rounding;  // of the naive loops; what a kernel may err, and of |want|
    };
    static testing::AssertionResult within(const std::string &name, const Tensor &tensor,
                                           const Bound &bound);
    std::map<std::string, Bound> bounds_;
};

}  // namespace attune::tests
#endif
