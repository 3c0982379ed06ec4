// Transformer-LS, causal (Zhu et al., NeurIPS 2021): the window of each row and the landmarks of
// earlier chunks in one softmax, with relative positions.
#include "tls.h"

namespace attune::oracle {
namespace {

template <typename Real>
class Causal {
public:
    explicit Causal(const Case &call)
        : storage_(call.tensors.at("q").dtype),
          q_(array<Real>(call, "q")),
          k_(array<Real>(call, "kw")),
          v_(array<Real>(call, "vw")),
          kl_(array<Real>(call, "kcache")),
          vl_(array<Real>(call, "vcache")),
          s_(array<Real>(call, "s")),
          near_(array<Real>(call, "Rw")),
          far_(array<Real>(call, "Rc")),
          content_(array<Real>(call, "uw")),
          position_(array<Real>(call, "ur")),
          chunk_(static_cast<Index>(call.number("S", 1))),
          ranks_(static_cast<Index>(call.number("r", 1))),
          taps_(static_cast<Index>(call.number("W", 1))),
          cached_(kl_.extent(1)),
          scale_(1 / std::sqrt(static_cast<Real>(q_.extent(3)))) {
        kl_ = landmarks(kl_, k_);
        vl_ = landmarks(vl_, v_);
        for (Array<Real> *rows : {&kl_, &vl_})
            normalise(*rows, array<Real>(call, "gP"), array<Real>(call, "bP"), storage_);
        for (Array<Real> *rows : {&k_, &v_})
            normalise(*rows, array<Real>(call, "gW"), array<Real>(call, "bW"), storage_);
    }

    Outputs run() const {
        const Index batch = q_.extent(0), tokens = q_.extent(1), heads = q_.extent(2);
        const Index width = q_.extent(3);
        Array<Real> out(batch, tokens, heads, width);
        for (Index b = 0; b < batch; ++b)
            for (Index h = 0; h < heads; ++h)
                for (Index i = 0; i < tokens; ++i)
                    attend(items(b, h, i), none(), width, &out(b, i, h, 0), storage_);
        return {{"out", out.tensor({batch, tokens, heads, width})}};
    }

private:
    static Real none() { return -std::numeric_limits<Real>::infinity(); }

    // Those of the cache, then those of each whole chunk.
    Array<Real> landmarks(const Array<Real> &cache, const Array<Real> &rows) const {
        const Index batch = rows.extent(0), heads = rows.extent(2), width = rows.extent(3);
        const Index own = q_.extent(1) / chunk_ * ranks_;
        Array<Real> out(batch, cached_ + own, heads, width);
        for (Index b = 0; b < batch; ++b)
            for (Index h = 0; h < heads; ++h) {
                for (Index m = 0; m < cached_; ++m)
                    for (Index d = 0; d < width; ++d) out(b, m, h, d) = cache(b, m, h, d);
                for (Index m = 0; m < own; ++m) {
                    std::vector<Item<Real>> all;
                    for (Index x = 0; x < chunk_; ++x) {
                        const Index n = m / ranks_ * chunk_ + x;
                        all.push_back({s_(b, n, h, m % ranks_), rows.row(b, taps_ + n, h)});
                    }
                    attend(all, none(), width, &out(b, cached_ + m, h, 0), storage_);
                }
            }
        return out;
    }

    std::vector<Item<Real>> items(Index b, Index h, Index i) const {
        const Index width = q_.extent(3), seen = cached_ + i / chunk_ * ranks_;
        std::vector<Real> t, content, position;
        for (Index d = 0; d < width; ++d) {
            t.push_back(q_(b, i, h, d) * scale_);
            content.push_back(t.back() + content_(0, 0, h, d));
            position.push_back(t.back() + position_(0, 0, h, d));
        }
        std::vector<Item<Real>> all;
        for (Index c = 0; c < seen; ++c)
            all.push_back({dot(t.data(), kl_.row(b, c, h), width) +
                               dot(t.data(), far_.row(0, far_.extent(1) - seen + c, h), width),
                           vl_.row(b, c, h)});
        for (Index j = 0; j < taps_; ++j)
            all.push_back({dot(content.data(), k_.row(b, i + 1 + j, h), width) +
                               dot(position.data(), near_.row(0, j, h), width),
                           v_.row(b, i + 1 + j, h)});
        return all;
    }

    const Dtype storage_;
    Array<Real> q_, k_, v_, kl_, vl_, s_, near_, far_, content_, position_;
    const Index chunk_, ranks_, taps_, cached_;
    const Real scale_;
};

}  // namespace

template <typename Real>
Outputs tls_causal(const Case &call) {
    return Causal<Real>(call).run();
}

template Outputs tls_causal<double>(const Case &);
template Outputs tls_causal<float>(const Case &);

}  // namespace attune::oracle
