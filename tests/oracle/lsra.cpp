// LSRA of Lite Transformer (Wu et al., ICLR 2020): attention in the first channels, a convolution
// whose filters are softmaxes in the others.
#include "naive.h"

namespace attune::oracle {
namespace {

template <typename Real>
class Lsra {
public:
    explicit Lsra(const Case &call)
        : call_(call),
          q_(array<Real>(call, "q")),
          k_(array<Real>(call, "k")),
          v_(array<Real>(call, "v")),
          u_(array<Real>(call, "u")),
          wl_(array<Real>(call, "wl")),
          step_(call.op == "lsra_core_step"),
          soft_(call.number("softmax_taps", 1) != 0),
          causal_(step_ || call.number("causal", 0) != 0),
          taps_(static_cast<Index>(call.number("K", 1))),
          left_(step_ ? taps_ - 1 : static_cast<Index>(call.number("P", 0))) {
        if (call.has("Kc")) old_k_ = array<Real>(call, "Kc"), old_v_ = array<Real>(call, "Vc");
        if (call.has("buf")) old_u_ = array<Real>(call, "buf");
        if (call.has("Kc")) old_ = old_k_.extent(0);
        if (call.has("buf")) buffered_ = old_u_.extent(0);
    }

    Outputs run() {
        const Index rows = q_.extent(0), batch = q_.extent(1), heads = q_.extent(2);
        const Index width = q_.extent(3), groups = u_.extent(2), shared = u_.extent(3);
        const Index all = heads * width + groups * shared;
        Array<Real> ctx(1, rows, batch, all);
        std::vector<Real> out(static_cast<std::size_t>(std::max(width, shared)));
        for (Index t = 0; t < rows; ++t)
            for (Index b = 0; b < batch; ++b) {
                for (Index h = 0; h < heads; ++h) {
                    const Real none = -std::numeric_limits<Real>::infinity();
                    attend(admitted(t, b, h), none, width, out.data(), call_.tensors.at("q").dtype);
                    for (Index d = 0; d < width; ++d) ctx(0, t, b, h * width + d) = out[d];
                }
                for (Index g = 0; g < groups; ++g) {
                    convolve(t, b, g, out.data());
                    for (Index r = 0; r < shared; ++r)
                        ctx(0, t, b, heads * width + g * shared + r) = out[r];
                }
            }
        return {{"ctx", ctx.tensor({rows, batch, all})}};
    }

private:
    std::vector<Item<Real>> admitted(Index t, Index b, Index h) const {
        const Real scale = 1 / std::sqrt(static_cast<Real>(q_.extent(3)));
        std::vector<Item<Real>> items;
        const auto add = [&](const Real *key, const Real *value) {
            items.push_back({scale * dot(q_.row(t, b, h), key, q_.extent(3)), value});
        };
        for (Index j = 0; j < old_; ++j) add(old_k_.row(j, b, h), old_v_.row(j, b, h));
        for (Index j = 0; j < q_.extent(0); ++j) {
            if (causal_ && j > t) continue;
            if (call_.has("pad") && call_.tensors.at("pad").at(b * q_.extent(0) + j) != 0) continue;
            add(k_.row(j, b, h), v_.row(j, b, h));
        }
        return items;
    }

    std::vector<Real> filter(Index t, Index b, Index g) const {
        std::vector<Real> weights(wl_.row(t, b, g), wl_.row(t, b, g) + taps_);
        if (!soft_) return weights;
        Real most = weights[0], sum = 0;
        for (const Real weight : weights) most = std::max(most, weight);
        for (Real &weight : weights) sum += weight = std::exp(weight - most);
        for (Real &weight : weights) weight /= sum;
        return weights;
    }

    void convolve(Index t, Index b, Index g, Real *out) const {
        const std::vector<Real> weights = filter(t, b, g);
        for (Index r = 0; r < u_.extent(3); ++r) {
            out[r] = 0;
            for (Index i = 0; i < taps_; ++i) {
                const Index row = t - left_ + i;
                if (row >= u_.extent(0) || row < -buffered_) continue;
                const Real x = row < 0 ? old_u_(buffered_ + row, b, g, r) : u_(row, b, g, r);
                out[r] += weights[static_cast<std::size_t>(i)] * x;
            }
        }
    }

    const Case &call_;
    Array<Real> q_, k_, v_, u_, wl_, old_k_, old_v_, old_u_;
    bool step_, soft_, causal_;
    Index taps_, left_, old_ = 0, buffered_ = 0;
};

}  // namespace

template <typename Real>
Outputs lsra(const Case &call) {
    return Lsra<Real>(call).run();
}

template Outputs lsra<float>(const Case &);
template Outputs lsra<double>(const Case &);

}  // namespace attune::oracle
