#include "rule.h"

#include "oracle.h"

#include <algorithm>
#include <cmath>

namespace attune::tests {
namespace {

double largest(const std::vector<double> &values) {  // of the finite ones
    double most = 0;
    for (double value : values)
        if (std::isfinite(value)) most = std::max(most, std::fabs(value));
    return most;
}

double largest_difference(const std::vector<double> &a, const std::vector<double> &b) {
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] == b[i]) continue;  // -inf is equal to -inf
        const double difference = std::fabs(a[i] - b[i]);
        most = std::isnan(difference) ? INFINITY : std::max(most, difference);
    }
    return most;
}

std::vector<double> stored(std::vector<double> values, Dtype dtype) {
    if (dtype == Dtype::f32) return values;
    std::byte element[8];
    for (double &value : values) {
        oracle::store(dtype, element, value);
        value = oracle::load(dtype, element);
    }
    return values;
}

// The largest relative error of rounding to a type.
double unit(Dtype dtype) { return std::ldexp(1, dtype == Dtype::bf16 ? -8 : -11); }

const Tensor &values_of(const Case &call) {
    for (const char *name : {"v", "v_pages", "vw"})
        if (call.has(name)) return call.tensors.at(name);
    return call.tensors.at("o_part");
}

}  // namespace

testing::AssertionResult Expected::within(const std::string &name, const Tensor &tensor,
                                          const Bound &bound) {
    const std::vector<double> got = tensor.values();
    if (got.size() != bound.want.size())
        return testing::AssertionFailure()
               << name << " has " << got.size() << " elements, not " << bound.want.size();
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double want = bound.want[i];
        const double most = bound.error + bound.rounding * std::fabs(want);
        if (got[i] == want || std::fabs(got[i] - want) <= most) continue;
        return testing::AssertionFailure()
               << name << ": element " << i << " of " << got.size() << " is " << got[i] << ", not "
               << want << "; the bound is " << most;
    }
    return testing::AssertionSuccess();
}

Expected::Expected(const Case &call) {
    const auto exact = oracle::evaluate<double>(call), naive = oracle::evaluate<float>(call);
    const double most_v = largest(values_of(call).values());
    const auto q = call.tensors.find("q");
    const bool narrow = q != call.tensors.end() && q->second.dtype != Dtype::f32;
    for (const auto &[name, tensor] : exact) {
        const auto result = call.tensors.find(name);
        const Dtype dtype = result == call.tensors.end() ? Dtype::f32 : result->second.dtype;
        Bound bound;
        bound.want = tensor.values();
        bound.naive = largest_difference(stored(naive.at(name).values(), dtype), bound.want);
        bound.rounding = dtype == Dtype::f32 ? 0 : unit(dtype);
        if (!std::isfinite(bound.naive)) bound.naive = 0;  // an excuse for nothing
        // An LSE is about the largest score of its row, and no sum of values: as documented.
        const bool is_lse = name == "lse" || name == "lse_part";
        bound.error =
            2 * bound.naive + (is_lse ? (narrow ? 1e-3 : 1e-5) : 4 * std::ldexp(1, -24) * most_v);
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

Errors Expected::errors(const Case &call, const std::string &output) const {
    const Bound &bound = bounds_.at(output);
    return {largest_difference(call.tensors.at(output).values(), bound.want), bound.naive};
}

}  // namespace attune::tests
