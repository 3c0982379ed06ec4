// Cluster-Former (Wang et al., Findings of ACL 2021): tokens sorted by cluster are cut into chunks
// of consecutive ranks, and attention is dense inside a chunk.
#include "naive.h"

namespace attune::oracle {
namespace {

template <typename Real>
class Clusters {
public:
    explicit Clusters(const Case &call)
        : call_(call),
          q_(array<Real>(call, "q")),
          k_(array<Real>(call, "k")),
          v_(array<Real>(call, "v")),
          chunk_(static_cast<Index>(call.number("chunk", 1))),
          causal_(call.number("causal", 0) != 0),
          same_(call.number("same_cluster", 0) != 0) {
        const double width = static_cast<double>(q_.extent(3));
        scale_ = static_cast<Real>(call.number("scale", 1 / std::sqrt(width)));
    }

    Outputs run() {
        const Index batch = q_.extent(0), tokens = q_.extent(1), heads = q_.extent(2);
        const Index width = v_.extent(3);
        Array<Real> o(batch, tokens, heads, width), lse(batch, heads, tokens, 1);
        std::vector<Real> out(static_cast<std::size_t>(width));
        for (Index b = 0; b < batch; ++b)
            for (Index i = 0; i < tokens; ++i)
                for (Index h = 0; h < heads; ++h)
                    lse(b, h, i, 0) = -std::numeric_limits<Real>::infinity();
        for (Index b = 0; b < batch; ++b)
            for (Index rank = 0; rank < valid(b); ++rank)
                for (Index h = 0; h < heads; ++h) {
                    const Index i = integer("perm", b, rank);
                    const Real none = -std::numeric_limits<Real>::infinity();
                    lse(b, h, i, 0) = attend(admitted(b, h, rank), none, width, out.data(),
                                             call_.tensors.at("q").dtype);
                    for (Index d = 0; d < width; ++d) o(b, i, h, d) = out[d];
                }
        return {{"o", o.tensor({batch, tokens, heads, width})},
                {"lse", lse.tensor({batch, heads, tokens})}};
    }

private:
    Index integer(const char *name, Index b, Index i) const {
        return static_cast<Index>(call_.tensors.at(name).at(b * q_.extent(1) + i));
    }

    Index valid(Index b) const {
        return call_.has("n_len") ? static_cast<Index>(call_.tensors.at("n_len").at(b))
                                  : q_.extent(1);
    }

    std::vector<Item<Real>> admitted(Index b, Index h, Index rank) const {
        const Index i = integer("perm", b, rank), kv_head = h / (q_.extent(2) / k_.extent(2));
        const Index first = rank / chunk_ * chunk_, end = std::min(first + chunk_, valid(b));
        std::vector<Item<Real>> items;
        for (Index r = first; r < end; ++r) {
            const Index j = integer("perm", b, r);
            if (causal_ && j > i) continue;
            if (same_ && integer("ids", b, j) != integer("ids", b, i)) continue;
            const Real s = scale_ * dot(q_.row(b, i, h), k_.row(b, j, kv_head), q_.extent(3));
            items.push_back({s, v_.row(b, j, kv_head)});
        }
        return items;
    }

    const Case &call_;
    Array<Real> q_, k_, v_;
    Index chunk_;
    bool causal_, same_;
    Real scale_ = 1;
};

}  // namespace

template <typename Real>
Outputs cluster_attn(const Case &call) {
    return Clusters<Real>(call).run();
}

template Outputs cluster_attn<float>(const Case &);
template Outputs cluster_attn<double>(const Case &);

}  // namespace attune::oracle
