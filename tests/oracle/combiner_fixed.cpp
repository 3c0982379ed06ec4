// Combiner with fixed segments (Ren et al., NeurIPS 2021, section 4.1): a row attends the tokens of
// its own segment directly, and other segments through one abstract key and value each.
#include "naive.h"

namespace attune::oracle {
namespace {

template <typename Real>
class Combiner {
public:
    explicit Combiner(const Case &call)
        : q_(array<Real>(call, "q")),
          k_(array<Real>(call, "k")),
          v_(array<Real>(call, "v")),
          segment_(static_cast<Index>(call.number("M", 1))),
          causal_(call.number("causal", 0) != 0),
          act_(call.word("act", "identity")),
          pool_(call.word("pool", "max")) {
        if (act_ == "deepset") {
            wq_ = array<Real>(call, "Wpq");
            wk_ = array<Real>(call, "Wpk");
        }
        const Real scale = 1 / std::sqrt(static_cast<Real>(q_.extent(3)));
        for (Index b = 0; b < q_.extent(0); ++b)
            for (Index i = 0; i < q_.extent(1); ++i)
                for (Index h = 0; h < q_.extent(2); ++h)
                    for (Index d = 0; d < q_.extent(3); ++d) q_(b, i, h, d) *= scale;
    }

    Outputs run() {
        const Index batch = q_.extent(0), rows = q_.extent(1), heads = q_.extent(2);
        const Index width = v_.extent(3);
        Array<Real> o(batch, rows, heads, width);
        for (Index b = 0; b < batch; ++b)
            for (Index h = 0; h < heads; ++h) {
                summarise(b, h);
                for (Index i = 0; i < rows; ++i) {
                    const std::vector<Real> out = row(b, h, i);
                    for (Index d = 0; d < width; ++d) o(b, i, h, d) = out[d];
                }
            }
        return {{"o", o.tensor({batch, rows, heads, width})}};
    }

private:
    using Vector = std::vector<Real>;

    Vector attend_over(const Real *query, const std::vector<const Real *> &keys,
                       const std::vector<const Real *> &values) const {
        const Index width = v_.extent(3);
        std::vector<Item<Real>> items;
        for (std::size_t n = 0; n < keys.size(); ++n)
            items.push_back({dot(query, keys[n], q_.extent(3)), values[n]});
        Vector out(static_cast<std::size_t>(width));
        attend(items, -std::numeric_limits<Real>::infinity(), width, out.data());
        return out;
    }

    // Abstract key and value of each segment of this batch element and head.
    void summarise(Index b, Index h) {
        keys_.clear(), values_.clear();
        for (Index first = 0; first < q_.extent(1); first += segment_) {
            const Vector query = pooled(q_, wq_, b, h, first);
            std::vector<const Real *> keys, values;
            for (Index j = first; j < first + segment_; ++j) {
                keys.push_back(k_.row(b, j, h));
                values.push_back(v_.row(b, j, h));
            }
            keys_.push_back(pooled(k_, wk_, b, h, first));
            values_.push_back(attend_over(query.data(), keys, values));
        }
    }

    Vector pooled(const Array<Real> &x, const Array<Real> &w, Index b, Index h, Index first) const {
        Vector sum = activated(x.row(b, first, h), w);
        for (Index j = first + 1; j < first + segment_; ++j) {
            const Vector next = activated(x.row(b, j, h), w);
            for (std::size_t d = 0; d < sum.size(); ++d)
                sum[d] = pool_ == "max" ? std::max(sum[d], next[d]) : sum[d] + next[d];
        }
        if (pool_ == "mean")
            for (Real &x_d : sum) x_d /= static_cast<Real>(segment_);
        return sum;
    }

    Vector activated(const Real *x, const Array<Real> &w) const {
        Vector out(x, x + q_.extent(3));
        if (act_ == "identity") return out;
        if (act_ == "deepset")
            for (Index d = 0; d < q_.extent(3); ++d) {
                out[d] = 0;
                for (Index c = 0; c < q_.extent(3); ++c) out[d] += x[c] * w(0, 0, c, d);
            }
        for (Real &x_d : out) x_d = std::max(x_d, Real(0));
        return out;
    }

    Vector row(Index b, Index h, Index i) const {
        const Index own = i / segment_, first = own * segment_;
        const Index end = causal_ ? i + 1 : first + segment_;
        const Index segments = causal_ ? own : static_cast<Index>(keys_.size());
        std::vector<const Real *> keys, values;
        for (Index j = first; j < end; ++j) {
            keys.push_back(k_.row(b, j, h));
            values.push_back(v_.row(b, j, h));
        }
        for (Index t = 0; t < segments; ++t) {
            keys.push_back(keys_[t].data());
            values.push_back(values_[t].data());
        }
        return attend_over(q_.row(b, i, h), keys, values);
    }

    Array<Real> q_, k_, v_, wq_, wk_;
    Index segment_;
    bool causal_;
    std::string act_, pool_;
    std::vector<Vector> keys_, values_;
};

}  // namespace

template <typename Real>
Outputs combiner_fixed(const Case &call) {
    return Combiner<Real>(call).run();
}

template Outputs combiner_fixed<float>(const Case &);
template Outputs combiner_fixed<double>(const Case &);

}  // namespace attune::oracle
