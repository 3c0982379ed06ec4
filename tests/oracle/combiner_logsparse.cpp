// Combiner with spans of doubling length (Ren et al., NeurIPS 2021, section 4.1): a row attends
// itself and one span of earlier tokens for each bit of its index.
#include "naive.h"

namespace attune::oracle {
namespace {

template <typename Real>
class Logsparse {
public:
    explicit Logsparse(const Case &call)
        : q_(array<Real>(call, "q")), k_(array<Real>(call, "k")), v_(array<Real>(call, "v")) {
        const Real scale = 1 / std::sqrt(static_cast<Real>(q_.extent(3)));
        for (Index b = 0; b < q_.extent(0); ++b)
            for (Index i = 0; i < q_.extent(1); ++i)
                for (Index h = 0; h < q_.extent(2); ++h)
                    for (Index d = 0; d < q_.extent(3); ++d) q_(b, i, h, d) *= scale;
        while ((Index(1) << levels_) < q_.extent(1) - 1) ++levels_;  // of L - 1 = 2^p: only p
    }

    Outputs run() {
        const Index rows = q_.extent(1), width = q_.extent(3);
        Array<Real> o(q_.extent(0), rows, q_.extent(2), width);
        for (b_ = 0; b_ < q_.extent(0); ++b_)
            for (h_ = 0; h_ < q_.extent(2); ++h_)
                for (Index i = 0; i < rows; ++i) {
                    std::vector<Vector> keys{vector(k_, i)}, values{vector(v_, i)};
                    for (int t = 0; t < levels_; ++t) {
                        if (!(i >> t & 1)) continue;
                        const Index last = i >> t << t, first = last - (Index(1) << t);
                        keys.push_back(maximum(k_, first, last));
                        values.push_back(expectation(first, last));
                    }
                    const Vector out = attend_over(vector(q_, i), keys, values);
                    for (std::size_t d = 0; d < out.size(); ++d)
                        o(b_, i, h_, static_cast<Index>(d)) = out[d];
                }
        return {{"o", o.tensor({q_.extent(0), rows, q_.extent(2), width})}};
    }

private:
    using Vector = std::vector<Real>;

    Vector vector(const Array<Real> &x, Index i) const {
        return Vector(x.row(b_, i, h_), x.row(b_, i, h_) + q_.extent(3));
    }

    Vector maximum(const Array<Real> &x, Index first, Index last) const {
        Vector out = vector(x, first);
        for (Index i = first + 1; i < last; ++i)
            for (std::size_t d = 0; d < out.size(); ++d)
                out[d] = std::max(out[d], x.row(b_, i, h_)[d]);
        return out;
    }

    Vector expectation(Index first, Index last) const {
        std::vector<Vector> keys, values;
        for (Index i = first; i < last; ++i) {
            keys.push_back(vector(k_, i));
            values.push_back(vector(v_, i));
        }
        return attend_over(maximum(q_, first, last), keys, values);
    }

    Vector attend_over(const Vector &query, const std::vector<Vector> &keys,
                       const std::vector<Vector> &values) const {
        const auto width = static_cast<Index>(query.size());
        std::vector<Item<Real>> items;
        for (std::size_t n = 0; n < keys.size(); ++n)
            items.push_back({dot(query.data(), keys[n].data(), width), values[n].data()});
        Vector out(query.size());
        attend(items, -std::numeric_limits<Real>::infinity(), width, out.data());
        return out;
    }

    Array<Real> q_, k_, v_;
    int levels_ = 0;
    Index b_ = 0, h_ = 0;
};

}  // namespace

template <typename Real>
Outputs combiner_logsparse(const Case &call) {
    return Logsparse<Real>(call).run();
}

template Outputs combiner_logsparse<float>(const Case &);
template Outputs combiner_logsparse<double>(const Case &);

}  // namespace attune::oracle
