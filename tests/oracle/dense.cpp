// Dense attention with every option: softmax(cap(scale q k^T) + bias - alibi |p - j|) v over the
// admitted keys of a row, grouped heads, lengths, windows, and a sink logit. Queries and keys may
// be packed sequences, keys may lie in pages, and the keys may be cut into splits.
#include "naive.h"

namespace attune::oracle {
namespace {

// Where one sequence begins in its tensors, how long it is, and the position of its first row.
struct Sequence {
    Index first_row = 0, rows = 0;  // of q and o
    Index first_key = 0, queries = 0, keys = 0, offset = 0;
};

// Half-open ranges of keys of one length, the last one shorter; 1 of all keys for the operators
// that do not split.
struct Splits {
    Index count = 1, size = std::numeric_limits<Index>::max();
};

template <typename Real>
class Dense {
public:
    explicit Dense(const Case &call)
        : storage_(call.tensors.at("q").dtype),
          paged_(call.has("block_table")),
          has_bias_(call.has("bias")),
          has_mask_(call.has("mask")),
          has_alibi_(call.has("alibi")),
          q_(array<Real>(call, "q")),
          k_(array<Real>(call, paged_ ? "k_pages" : "k")),
          v_(array<Real>(call, paged_ ? "v_pages" : "v")) {
        if (paged_) table_ = array<double>(call, "block_table");
        if (has_bias_) bias_ = array<Real>(call, "bias");
        if (has_mask_) mask_ = array<Real>(call, "mask");
        if (has_alibi_) alibi_ = array<Real>(call, "alibi");
        read_sequences(call);
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

    Splits splits(const Case &call) const {
        const Index all = paged_ ? table_.extent(3) * k_.extent(1) : k_.extent(1);
        const auto size = static_cast<Index>(call.number("split_size", 0));
        if (size > 0) return {(all + size - 1) / size, size};
        const auto count = static_cast<Index>(call.number("n_split", 1));
        const auto tile = static_cast<Index>(call.number("tile", 1));
        const Index keys = (all + count - 1) / count;
        return {count, (keys + tile - 1) / tile * tile};
    }

    // The outputs by their names; `outer`: the extents before the rows and heads.
    Outputs run(const Splits &splits, const char *result, const char *log_sum,
                const std::vector<Index> &outer) const {
        const Index batch = q_.extent(0), rows = q_.extent(1), heads = q_.extent(2);
        const Index width = v_.extent(3);
        Array<Real> o(splits.count * batch, rows, heads, width);
        Array<Real> lse(splits.count * batch, heads, rows, 1);
        std::vector<Real> out(static_cast<std::size_t>(width));
        for (Index s = 0; s < splits.count; ++s)
            for (Index b = 0; b < static_cast<Index>(sequences_.size()); ++b)
                for (Index i = 0; i < sequences_[b].rows; ++i)
                    for (Index h = 0; h < heads; ++h) {
                        const Index outermost = s * batch + b, row = sequences_[b].first_row + i;
                        const Real sink = i < sequences_[b].queries ? sink_[h] : nothing;
                        lse(outermost, h, row, 0) =
                            attend(admitted(b, h, i, s * splits.size, splits.size), sink, width,
                                   out.data(), storage_);
                        for (Index d = 0; d < width; ++d) o(outermost, row, h, d) = out[d];
                    }
        const auto shaped = [&](std::vector<Index> inner) {
            inner.insert(inner.begin(), outer.begin(), outer.end());
            return inner;
        };
        return {{result, o.tensor(shaped({rows, heads, width}))},
                {log_sum, lse.tensor(shaped({heads, rows}))}};
    }

private:
    static constexpr Real nothing = -std::numeric_limits<Real>::infinity();

    void read_sequences(const Case &call) {
        const auto entry = [&](const char *name, Index b, Index absent) {
            return call.has(name) ? static_cast<Index>(call.tensors.at(name).at(b)) : absent;
        };
        const bool bottom = call.word("align", "bottom_right") == "bottom_right";
        const Index count = call.has("cu_q") ? call.tensors.at("cu_q").shape[0] - 1 : q_.extent(0);
        for (Index b = 0; b < count; ++b) {
            Sequence s;
            s.first_row = entry("cu_q", b, 0), s.first_key = entry("cu_k", b, 0);
            s.rows = entry("cu_q", b + 1, q_.extent(1)) - s.first_row;
            s.queries = entry("q_len", b, s.rows);
            s.keys = entry("kv_len", b, entry("cu_k", b + 1, k_.extent(1)) - s.first_key);
            s.keys = entry("kv_used", b, s.keys);
            s.offset = entry("q_offset", b, bottom ? s.keys - s.queries : 0);
            sequences_.push_back(s);
        }
    }

    const Real *key_row(const Array<Real> &keys, Index b, Index j, Index head) const {
        if (!paged_) return keys.row(b, sequences_[b].first_key + j, head);
        const Index size = keys.extent(1);
        return keys.row(static_cast<Index>(table_(0, 0, b, j / size)), j % size, head);
    }

    // Of the `count` keys from `first` on.
    std::vector<Item<Real>> admitted(Index b, Index h, Index i, Index first, Index count) const {
        std::vector<Item<Real>> items;
        const Sequence &sequence = sequences_[b];
        if (i >= sequence.queries) return items;
        const Index kv_head = h / (q_.extent(2) / k_.extent(2)), p = i + sequence.offset;
        for (Index j = first; j < sequence.keys && j - first < count; ++j) {
            if (left_ >= 0 && j < p - left_) continue;
            if (right_ >= 0 && j > p + right_) continue;
            if (has_mask_ && mask_(b, h, i, j) == 0) continue;
            if (has_bias_ && bias_(b, h, i, j) == nothing) continue;
            items.push_back({score(b, h, i, j, p, kv_head), key_row(v_, b, j, kv_head)});
        }
        return items;
    }

    Real score(Index b, Index h, Index i, Index j, Index p, Index kv_head) const {
        const Real *const query = q_.row(b, sequences_[b].first_row + i, h);
        Real s = scale_ * dot(query, key_row(k_, b, j, kv_head), q_.extent(3));
        if (cap_ > 0) s = cap_ * std::tanh(s / cap_);
        if (has_bias_) s += bias_(b, h, i, j);
        // alibi is [Hq] or [B, Hq]: the last two of the four indices.
        if (has_alibi_) s -= alibi_(0, 0, b, h) * static_cast<Real>(std::abs(p - j));
        return s;
    }

    Dtype storage_;
    bool paged_, has_bias_, has_mask_, has_alibi_;
    Array<Real> q_, k_, v_, bias_, mask_, alibi_;
    Array<double> table_;
    std::vector<Sequence> sequences_;
    std::vector<Real> sink_;
    Real scale_ = 1, cap_ = 0;
    Index left_ = -1, right_ = -1;
};

}  // namespace

template <typename Real>
Outputs dense(const Case &call) {
    const std::vector<Index> &shape = call.tensors.at("q").shape;  // packed: without a batch
    return Dense<Real>(call).run({}, "o", "lse", {shape.begin(), shape.end() - 3});
}

template <typename Real>
Outputs dense_split(const Case &call) {
    const Dense<Real> dense(call);
    const Splits splits = dense.splits(call);
    return dense.run(splits, "o_part", "lse_part", {splits.count, call.tensors.at("q").shape[0]});
}

template Outputs dense<float>(const Case &);
template Outputs dense<double>(const Case &);
template Outputs dense_split<float>(const Case &);
template Outputs dense_split<double>(const Case &);

}  // namespace attune::oracle
