// Transformer-LS for images (Zhu et al., NeurIPS 2021): landmarks, a window of square segments and
// a global token in one softmax.
#include "tls.h"

namespace attune::oracle {
namespace {

template <typename Real>
class Image {
public:
    explicit Image(const Case &call)
        : storage_(call.tensors.at("q").dtype),
          q_(array<Real>(call, "q")),
          k_(array<Real>(call, "k")),
          v_(array<Real>(call, "v")),
          side_(static_cast<Index>(call.number("nx", 1))),
          segment_(static_cast<Index>(call.number("w", 0))),
          ranks_(static_cast<Index>(call.number("r", 0))),
          global_(static_cast<Index>(call.number("G", 0))),
          scale_(1 / std::sqrt(static_cast<Real>(q_.extent(3)))) {
        for (Array<Real> *rows : {&k_, &v_})
            normalise(*rows, array<Real>(call, "gT"), array<Real>(call, "bT"), storage_);
        if (call.has("tab")) {
            table_ = array<Real>(call, "tab");
            positions_ = true;
        }
        if (ranks_ == 0) return;
        logits_ = array<Real>(call, "s");
        kl_ = landmarks(k_);
        vl_ = landmarks(v_);
        for (Array<Real> *rows : {&kl_, &vl_})
            normalise(*rows, array<Real>(call, "gL"), array<Real>(call, "bL"), storage_);
    }

    Outputs run() const {
        const Index batch = q_.extent(0), rows = q_.extent(1), heads = q_.extent(2);
        const Index width = q_.extent(3);
        Array<Real> out(batch, rows, heads, width);
        for (Index b = 0; b < batch; ++b)
            for (Index h = 0; h < heads; ++h) {
                std::vector<Item<Real>> seen;
                const std::vector<Real> first = query(b, h, 0);
                if (global_)
                    seen.push_back({dot(first.data(), k_.row(b, 0, h), width), v_.row(b, 0, h)});
                for (Index i = global_; i < rows; ++i) {
                    Real *o = &out(b, i, h, 0);
                    attend(items(b, h, i - global_), none(), width, o, storage_);
                    if (global_) seen.push_back({dot(first.data(), o, width), o});
                }
                if (global_) attend(seen, none(), width, &out(b, 0, h, 0));
            }
        return {{"out", out.tensor({batch, rows, heads, width})}};
    }

private:
    static Real none() { return -std::numeric_limits<Real>::infinity(); }

    std::vector<Real> query(Index b, Index h, Index row) const {
        std::vector<Real> q;
        for (Index d = 0; d < q_.extent(3); ++d) q.push_back(q_(b, row, h, d) * scale_);
        return q;
    }

    Array<Real> landmarks(const Array<Real> &rows) const {
        const Index batch = rows.extent(0), heads = rows.extent(2), width = rows.extent(3);
        Array<Real> out(batch, ranks_, heads, width);
        for (Index b = 0; b < batch; ++b)
            for (Index h = 0; h < heads; ++h)
                for (Index m = 0; m < ranks_; ++m) {
                    std::vector<Item<Real>> all;
                    for (Index n = 0; n < side_ * side_; ++n)
                        all.push_back({logits_(b, n, h, m), rows.row(b, global_ + n, h)});
                    attend(all, none(), width, &out(b, m, h, 0), storage_);
                }
        return out;
    }

    std::vector<Item<Real>> items(Index b, Index h, Index i) const {
        const Index width = q_.extent(3), half = segment_ / 2, e = std::max<Index>(half, 1);
        const Index y = i / side_, x = i % side_;
        const std::vector<Real> q = query(b, h, global_ + i);
        std::vector<Item<Real>> all;
        for (Index m = 0; m < ranks_; ++m)
            all.push_back({dot(q.data(), kl_.row(b, m, h), width), vl_.row(b, m, h)});
        if (global_) all.push_back({dot(q.data(), k_.row(b, 0, h), width), v_.row(b, 0, h)});
        if (segment_ == 0) return all;
        const Index down = y / segment_ * segment_, right = x / segment_ * segment_;
        for (Index yy = std::max<Index>(down - e, 0); yy < std::min(down + segment_ + e, side_);
             ++yy)
            for (Index xx = std::max<Index>(right - e, 0);
                 xx < std::min(right + segment_ + e, side_); ++xx) {
                const Index j = global_ + yy * side_ + xx, middle = half + segment_ - 1;
                const Index place =
                    (y - yy + middle) * (2 * half + segment_) + x - xx + middle;
                const Real more = positions_ ? table_(0, 0, place, h) : 0;
                all.push_back({dot(q.data(), k_.row(b, j, h), width) + more, v_.row(b, j, h)});
            }
        return all;
    }

    const Dtype storage_;
    Array<Real> q_, k_, v_, logits_, kl_, vl_, table_;
    bool positions_ = false;
    const Index side_, segment_, ranks_, global_;
    const Real scale_;
};

}  // namespace

template <typename Real>
Outputs tls_image2d(const Case &call) {
    return Image<Real>(call).run();
}

template Outputs tls_image2d<double>(const Case &);
template Outputs tls_image2d<float>(const Case &);

}  // namespace attune::oracle
