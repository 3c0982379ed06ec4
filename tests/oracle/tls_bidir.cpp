// Transformer-LS, bidirectional (Zhu et al., NeurIPS 2021): landmarks and a window in one softmax,
// with a LayerNorm for tokens and one for landmarks.
#include "tls.h"

namespace attune::oracle {
namespace {

template <typename Real>
class Bidirectional {
public:
    explicit Bidirectional(const Case &call)
        : call_(call),
          storage_(call.tensors.at("q").dtype),
          q_(array<Real>(call, "q")),
          k_(array<Real>(call, "k")),
          v_(array<Real>(call, "v")),
          keep_(array<Real>(call, "keep")),
          segment_(static_cast<Index>(call.number("w", 0))),
          ranks_(static_cast<Index>(call.number("r", 0))),
          first_(call.has("qc") ? 1 : 0),
          scale_(1 / std::sqrt(static_cast<Real>(q_.extent(3)))) {
        normalise(k_, array<Real>(call, "gT"), array<Real>(call, "bT"), storage_);
        normalise(v_, array<Real>(call, "gT"), array<Real>(call, "bT"), storage_);
        if (ranks_ > 0) logits_ = array<Real>(call, "s");
        kl_ = landmarks(k_, "kc");
        vl_ = landmarks(v_, "vc");
    }

    Outputs run() {
        const Index batch = q_.extent(0), tokens = q_.extent(1), heads = q_.extent(2);
        const Index width = q_.extent(3);
        Array<Real> out(batch, first_ + tokens, heads, width);
        for (Index b = 0; b < batch; ++b)
            for (Index h = 0; h < heads; ++h) {
                std::vector<Item<Real>> seen;
                std::vector<Real> query(static_cast<std::size_t>(width));
                if (first_) {
                    const Array<Real> qc = array<Real>(call_, "qc");
                    for (Index d = 0; d < width; ++d) query[d] = qc(0, b, h, d) * scale_;
                    kc_ = array<Real>(call_, "kc"), vc_ = array<Real>(call_, "vc");
                    seen.push_back({dot(query.data(), kc_.row(0, b, h), width), vc_.row(0, b, h)});
                }
                for (Index i = 0; i < tokens; ++i) {
                    Real *o = &out(b, first_ + i, h, 0);
                    if (keep_(0, 0, b, i) == 0) continue;  // zeros
                    attend(items(b, h, i), none(), width, o, storage_);
                    if (first_) seen.push_back({dot(query.data(), o, width), o});
                }
                if (first_) attend(seen, none(), width, &out(b, 0, h, 0));
            }
        return {{"out", out.tensor({batch, first_ + tokens, heads, width})}};
    }

private:
    static Real none() { return -std::numeric_limits<Real>::infinity(); }

    Array<Real> landmarks(const Array<Real> &rows, const char *cls) const {
        const Index batch = rows.extent(0), tokens = rows.extent(1), heads = rows.extent(2);
        const Index width = rows.extent(3);
        Array<Real> out(batch, first_ + ranks_, heads, width);
        for (Index b = 0; b < batch; ++b)
            for (Index h = 0; h < heads; ++h) {
                if (first_) {
                    const Array<Real> own = array<Real>(call_, cls);
                    for (Index d = 0; d < width; ++d) out(b, 0, h, d) = own(0, b, h, d);
                }
                for (Index m = 0; m < ranks_; ++m) {
                    std::vector<Item<Real>> all;
                    for (Index n = 0; n < tokens; ++n)
                        if (keep_(0, 0, b, n) != 0)
                            all.push_back({logits_(b, n, h, m), rows.row(b, n, h)});
                    attend(all, none(), width, &out(b, first_ + m, h, 0), storage_);
                }
            }
        if (first_ + ranks_ > 0)
            normalise(out, array<Real>(call_, "gL"), array<Real>(call_, "bL"), storage_);
        return out;
    }

    std::vector<Item<Real>> items(Index b, Index h, Index i) const {
        const Index width = q_.extent(3), tokens = q_.extent(1);
        std::vector<Real> query(static_cast<std::size_t>(width));
        for (Index d = 0; d < width; ++d) query[d] = q_(b, i, h, d) * scale_;
        std::vector<Item<Real>> all;
        for (Index m = 0; m < first_ + ranks_; ++m)
            all.push_back({dot(query.data(), kl_.row(b, m, h), width), vl_.row(b, m, h)});
        const Index e = segment_ == 0 ? 0 : std::max<Index>(segment_ / 2, 1);
        Index from = i, to = i + (ranks_ == 0 ? 1 : 0);  // no window: itself, if nothing else
        if (segment_ > 0) {
            from = std::max<Index>(i / segment_ * segment_ - e, 0);
            to = std::min(i / segment_ * segment_ + segment_ + e, tokens);
        }
        for (Index j = from; j < to; ++j)
            if (keep_(0, 0, b, j) != 0)
                all.push_back({dot(query.data(), k_.row(b, j, h), width), v_.row(b, j, h)});
        return all;
    }

    const Case &call_;
    const Dtype storage_;
    Array<Real> q_, k_, v_, keep_, logits_, kl_, vl_, kc_, vc_;
    const Index segment_, ranks_, first_;
    const Real scale_;
};

}  // namespace

template <typename Real>
Outputs tls_bidir(const Case &call) {
    return Bidirectional<Real>(call).run();
}

template Outputs tls_bidir<double>(const Case &);
template Outputs tls_bidir<float>(const Case &);

}  // namespace attune::oracle
