// Naive loops of every variant: what the tests compare kernels with.
//
// With Real = double they are the oracle. With Real = float they are the naive sequential
// implementation of the error rule: sums in order, one rounding an operation, libm's expf.
#ifndef ATTUNE_TESTS_ORACLE_H
#define ATTUNE_TESTS_ORACLE_H

#include "case.h"

namespace attune::oracle {

bool knows(const std::string &op);

// The outputs of `call`, by name, in float (f32) or double (f64); its own outputs are not read.
// Expects a call that obeys the operator's rules. Throws std::invalid_argument for an unknown op.
template <typename Real>
std::map<std::string, Tensor> evaluate(const Case &call);

extern template std::map<std::string, Tensor> evaluate<float>(const Case &);
extern template std::map<std::string, Tensor> evaluate<double>(const Case &);

}  // namespace attune::oracle
#endif
