#include "rule.h"

#include "oracle.h"

#include <algorithm>
#include <cmath>

namespace attune::tests {
namespace {

double largest(const std::vector<double> &values) { // of the finite ones
    double most = 0;
    for (double value : values)
        if (std::isfinite(value)) most = std::max(most, std::fabs(value));
    return most;
}

double largest_difference(const std::vector<double> &a, const std::vector<double> &b) {
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i]) most = std::max(most, std::fabs(a[i] - b[i])); // -inf is equal to -inf
    return most;
}

testing::AssertionResult within(const std::string &name, const Tensor &tensor, const Bound &bound) {
    const std::vector<double> got = tensor.values();
    if (got.size() != bound.want.size())
        return testing::AssertionFailure() << name << " has " << got.size() << " elements, not "
                                           << bound.want.size();
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double want = bound.want[i];
        if (got[i] == want || std::fabs(got[i] - want) <= bound.error) continue;
        return testing::AssertionFailure()
               << name << ": element " << i << " of " << got.size() << " is " << got[i] << ", not "
               << want << "; the bound is " << bound.error;
    }
    return testing::AssertionSuccess();
}

} // namespace

Expected::Expected(const Case &call) {
    const auto exact = oracle::evaluate<double>(call), naive = oracle::evaluate<float>(call);
    const double most_v = largest(call.tensors.at("v").values());
    for (const auto &[name, tensor] : exact) {
        Bound bound;
        bound.want = tensor.values();
        // An LSE is a sum with the row's largest score: its own size takes the place of max|V|.
        const double size = name == "lse" ? std::max(1.0, largest(bound.want)) : most_v;
        bound.error = 2 * largest_difference(naive.at(name).values(), bound.want);
        bound.error += 4 * std::ldexp(1, -24) * size;
        bounds_[name] = std::move(bound);
    }
}

testing::AssertionResult Expected::holds(const Case &call) const {
    for (const auto &[name, bound] : bounds_) {
        const auto got = call.tensors.find(name);
        if (got == call.tensors.end()) continue;
        const testing::AssertionResult result = within(name, got->second, bound);
        if (!result) return result;
    }
    return testing::AssertionSuccess();
}

} // namespace attune::tests
