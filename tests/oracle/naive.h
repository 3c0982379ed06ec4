// Shared by the loops of the variants: arrays of one arithmetic type, and the plain softmax.
#ifndef ATTUNE_TESTS_ORACLE_NAIVE_H
#define ATTUNE_TESTS_ORACLE_NAIVE_H

#include "case.h"

#include <cmath>
#include <limits>

namespace attune::oracle {

using Index = std::int64_t;

// A tensor's elements in Real, by up to four indices. An extent of 1 serves every index.
template <typename Real>
class Array {
public:
    Array() = default;
    // A tensor of fewer dimensions gets extents of 1 in front.
    explicit Array(const Tensor &tensor) {
        const std::size_t rank = tensor.shape.size();
        for (std::size_t d = 0; d < rank; ++d) extent_[4 - rank + d] = tensor.shape[d];
        const std::vector<double> values = tensor.values();
        data_.assign(values.begin(), values.end());
    }
    Array(Index a, Index b, Index c, Index d) : extent_{a, b, c, d}, data_(size()) {}

    Index extent(int dimension) const { return extent_[dimension]; }
    Real operator()(Index a, Index b, Index c, Index d) const { return data_[at(a, b, c, d)]; }
    Real &operator()(Index a, Index b, Index c, Index d) { return data_[at(a, b, c, d)]; }
    const Real *row(Index a, Index b, Index c) const { return data_.data() + at(a, b, c, 0); }

    Tensor tensor(const std::vector<Index> &shape) const {
        const Dtype dtype = sizeof(Real) == 8 ? Dtype::f64 : Dtype::f32;
        Tensor out = Tensor::zeros(dtype, shape);
        for (std::size_t i = 0; i < data_.size(); ++i) out.set(static_cast<Index>(i), data_[i]);
        return out;
    }

private:
    std::size_t size() const {
        return static_cast<std::size_t>(extent_[0] * extent_[1] * extent_[2] * extent_[3]);
    }
    std::size_t at(Index a, Index b, Index c, Index d) const {
        const Index index[4] = {a, b, c, d};
        Index position = 0;
        for (int i = 0; i < 4; ++i)
            position = position * extent_[i] + (extent_[i] == 1 ? 0 : index[i]);
        return static_cast<std::size_t>(position);
    }

    Index extent_[4] = {1, 1, 1, 1};
    std::vector<Real> data_;
};

template <typename Real>
Array<Real> array(const Case &call, const std::string &name) {
    return Array<Real>(call.tensors.at(name));
}

template <typename Real>
Real dot(const Real *a, const Real *b, Index length) {
    Real sum = 0;
    for (Index d = 0; d < length; ++d) sum += a[d] * b[d];
    return sum;
}

// One admitted key of a row: its final score and its value row.
template <typename Real>
struct Item {
    Real score;
    const Real *value;
};

// What a naive implementation keeps of a number that it stores in `dtype`; the oracle keeps all.
template <typename Real>
Real stored(Dtype dtype, Real value) {
    if (sizeof(Real) == 8 || dtype == Dtype::f32) return value;
    std::byte element[8];
    store(dtype, element, value);
    return static_cast<Real>(load(dtype, element));
}

// Softmax over `items` applied to their values, into out[0..width-1]; returns the LSE. `sink` is
// one more logit without a value, -inf for none. No item at all: zeros and the sink. The product
// with the values takes weights in the type of the values; their sum does not.
template <typename Real>
Real attend(const std::vector<Item<Real>> &items, Real sink, Index width, Real *out,
            Dtype storage = Dtype::f32) {
    Real most = sink;
    for (const Item<Real> &item : items) most = std::max(most, item.score);
    for (Index d = 0; d < width; ++d) out[d] = 0;
    Real sum = 0;
    for (const Item<Real> &item : items) {
        const Real weight = std::exp(item.score - most);
        sum += weight;
        const Real factor = stored(storage, weight);
        for (Index d = 0; d < width; ++d) out[d] += factor * item.value[d];
    }
    if (items.empty()) return sink;
    if (sink != -std::numeric_limits<Real>::infinity()) sum += std::exp(sink - most);
    for (Index d = 0; d < width; ++d) out[d] /= sum;
    return most + std::log(sum);
}

using Outputs = std::map<std::string, Tensor>;

template <typename Real>
Outputs dense(const Case &call);  // dense_varlen and dense_paged too
template <typename Real>
Outputs dense_split(const Case &call);
template <typename Real>
Outputs dense_merge(const Case &call);
template <typename Real>
Outputs combiner_fixed(const Case &call);
template <typename Real>
Outputs cluster_attn(const Case &call);
template <typename Real>
Outputs lsra(const Case &call);  // lsra_core and lsra_core_step

}  // namespace attune::oracle
#endif
