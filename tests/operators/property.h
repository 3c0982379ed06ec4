// Base of the property tests: one operator on one CPU target.
#ifndef ATTUNE_TESTS_OPERATORS_PROPERTY_H
#define ATTUNE_TESTS_OPERATORS_PROPERTY_H

#include "check.h"
#include "machine.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace attune::tests {

// Parameters: op, target.
class Property : public testing::TestWithParam<std::tuple<std::string, std::string>> {
protected:
    void SetUp() override {
        if (!has_kernel(test_pack(), op(), target()))
            GTEST_SKIP() << "the pack has no " << op() << " for " << target();
    }
    const std::string &op() const { return std::get<0>(GetParam()); }
    const std::string &target() const { return std::get<1>(GetParam()); }
    attune_context *context() const { return context_for(target()); }
    bool is_dense() const { return op() == "dense"; }

    // Calls of middling size that differ in mask and head size: menu sizes and the generic kernel.
    std::vector<Config> configs() const;
    // Of dense, one query and more keys than a chunk of the kernels for it.
    std::vector<Config> one_query() const;
    // All these, some with all optional inputs, and some in each 16-bit type that the pack has.
    std::vector<Config> all_configs() const;
    Bits run_here(const Case &call) const;
};

inline std::string property_name(const testing::TestParamInfo<Property::ParamType> &info) {
    std::string name = std::get<0>(info.param) + "_" + std::get<1>(info.param);
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

// Which dimension of a tensor of the call has the symbol; -1 if none has, or it is shared.
int dimension_of(const Case &call, const std::string &tensor, const std::string &symbol);

// The inputs with slices `order` of every dimension whose symbol is `symbol`, and fresh outputs.
Case take_all(const Case &call, const std::string &symbol, const std::vector<std::int64_t> &order);

// Fresh outputs for the same inputs.
Case again(const Case &call);

// A copy whose tensor `name` has memory of its own.
Case own(const Case &call, const std::string &name);

// Elements of `bits` of an output tensor at slices `order` of one dimension of its shape.
std::vector<std::uint32_t> slices(const std::vector<std::uint32_t> &bits,
                                  const std::vector<std::int64_t> &shape, std::size_t dimension,
                                  const std::vector<std::int64_t> &order);

}  // namespace attune::tests
#endif
