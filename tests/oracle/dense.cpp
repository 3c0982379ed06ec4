// Dense attention with every option: softmax(cap(scale q k^T) + bias - alibi |p - j|) v over the
// admitted keys of a row, grouped heads, lengths, windows, and a sink logit.
#include "naive.h"

namespace attune::oracle {
namespace {

template <typename Real>
class Dense {
public:
    explicit Dense(const Case &call)
        : q_(array<Real>(call, "q")),
          k_(array<Real>(call, "k")),
          v_(array<Real>(call, "v")),
          has_bias_(call.has("bias")),
          has_mask_(call.has("mask")),
          has_alibi_(call.has("alibi")) {
        if (has_bias_) bias_ = array<Real>(call, "bias");
        if (has_mask_) mask_ = array<Real>(call, "mask");
        if (has_alibi_) alibi_ = array<Real>(call, "alibi");
        const Index batch = q_.extent(0), lq = q_.extent(1), lk = k_.extent(1);
        read_lengths(call, batch, lq, lk);
        sink_.assign(static_cast<std::size_t>(q_.extent(2)), nothing);
        if (call.has("sink"))
            for (std::size_t h = 0; h < sink_.size(); ++h)
                sink_[h] = static_cast<Real>(call.tensors.at("sink").at(static_cast<Index>(h)));
        const double width = static_cast<double>(q_.extent(3));
        scale_ = static_cast<Real>(call.number("scale", 1 / std::sqrt(width)));
        cap_ = static_cast<Real>(call.number("softcap", 0));
        left_ = static_cast<Index>(call.number("left", -1));
        right_ = static_cast<Index>(call.number("right", -1));
        if (call.number("causal", 0) != 0) right_ = 0;
    }

    Outputs run() {
        const Index batch = q_.extent(0), rows = q_.extent(1), heads = q_.extent(2);
        const Index width = v_.extent(3);
        Array<Real> o(batch, rows, heads, width), lse(batch, heads, rows, 1);
        std::vector<Real> out(static_cast<std::size_t>(width));
        for (Index b = 0; b < batch; ++b)
            for (Index i = 0; i < rows; ++i)
                for (Index h = 0; h < heads; ++h) {
                    const Real sink = i < q_len_[b] ? sink_[h] : nothing;
                    lse(b, h, i, 0) = attend(admitted(b, h, i), sink, width, out.data());
                    for (Index d = 0; d < width; ++d) o(b, i, h, d) = out[d];
                }
        return {{"o", o.tensor({batch, rows, heads, width})},
                {"lse", lse.tensor({batch, heads, rows})}};
    }

private:
    static constexpr Real nothing = -std::numeric_limits<Real>::infinity();

    void read_lengths(const Case &call, Index batch, Index lq, Index lk) {
        const bool bottom = call.word("align", "bottom_right") == "bottom_right";
        for (Index b = 0; b < batch; ++b) {
            const auto entry = [&](const char *name, Index absent) {
                return call.has(name) ? static_cast<Index>(call.tensors.at(name).at(b)) : absent;
            };
            q_len_.push_back(entry("q_len", lq));
            kv_len_.push_back(entry("kv_len", lk));
            offset_.push_back(entry("q_offset", bottom ? kv_len_[b] - q_len_[b] : 0));
        }
    }

    std::vector<Item<Real>> admitted(Index b, Index h, Index i) const {
        std::vector<Item<Real>> items;
        if (i >= q_len_[b]) return items;
        const Index kv_head = h / (q_.extent(2) / k_.extent(2)), p = i + offset_[b];
        for (Index j = 0; j < kv_len_[b]; ++j) {
            if (left_ >= 0 && j < p - left_) continue;
            if (right_ >= 0 && j > p + right_) continue;
            if (has_mask_ && mask_(b, h, i, j) == 0) continue;
            if (has_bias_ && bias_(b, h, i, j) == nothing) continue;
            items.push_back({score(b, h, i, j, p, kv_head), v_.row(b, j, kv_head)});
        }
        return items;
    }

    Real score(Index b, Index h, Index i, Index j, Index p, Index kv_head) const {
        Real s = scale_ * dot(q_.row(b, i, h), k_.row(b, j, kv_head), q_.extent(3));
        if (cap_ > 0) s = cap_ * std::tanh(s / cap_);
        if (has_bias_) s += bias_(b, h, i, j);
        // alibi is [Hq] or [B, Hq]: the last two of the four indices.
        if (has_alibi_) s -= alibi_(0, 0, b, h) * static_cast<Real>(std::abs(p - j));
        return s;
    }

    Array<Real> q_, k_, v_, bias_, mask_, alibi_;
    bool has_bias_, has_mask_, has_alibi_;
    std::vector<Index> q_len_, kv_len_, offset_;
    std::vector<Real> sink_;
    Real scale_ = 1, cap_ = 0;
    Index left_ = -1, right_ = -1;
};

}  // namespace

template <typename Real>
Outputs dense(const Case &call) {
    return Dense<Real>(call).run();
}

template Outputs dense<float>(const Case &);
template Outputs dense<double>(const Case &);

}  // namespace attune::oracle
