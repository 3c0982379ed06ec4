// Combiner over a grid of rows of M tokens (Ren et al., NeurIPS 2021, sections 4.2 and 4.3): every
// row's list of keys and values is written out, with a softmax of its own for each region.
#include "naive.h"

namespace attune::oracle {
namespace {

template <typename Real>
class Grid {
public:
    using Vector = std::vector<Real>;
    using Positions = std::vector<Index>;

    explicit Grid(const Case &call)
        : call(call),
          q(array<Real>(call, "q")),
          k(array<Real>(call, "k")),
          v(array<Real>(call, "v")),
          D(q.extent(3)),
          M(static_cast<Index>(call.number("M", 1))),
          n(M > 0 ? q.extent(1) / M : 0),
          sum(call.word("cum", call.op == "combiner_mixture_bidir" ? "sum" : "max") == "sum"),
          o(q.extent(0), q.extent(1), q.extent(2), D) {
        const Real scale = 1 / std::sqrt(static_cast<Real>(D));
        for (Index i = 0; i < q.extent(1); ++i)
            for (b = 0; b < q.extent(0); ++b)
                for (h = 0; h < q.extent(2); ++h)
                    for (Index d = 0; d < D; ++d) q(b, i, h, d) *= scale;
    }

    Outputs run() {
        for (b = 0; b < q.extent(0); ++b)
            for (h = 0; h < q.extent(2); ++h) {
                if (call.op == "combiner_axial_rowmajor")
                    rowmajor();
                else if (call.op == "combiner_mixture_bidir")
                    mixture_bidir();
                else
                    mixture_causal();
            }
        return {{"o", o.tensor({q.extent(0), q.extent(1), q.extent(2), D})}};
    }

private:
    struct Entry {
        Vector key, value;
    };

    Vector vector(const Array<Real> &x, Index i) const {
        return Vector(x.row(b, i, h), x.row(b, i, h) + D);
    }
    Entry token(Index i) const { return {vector(k, i), vector(v, i)}; }

    Vector softmax(const Vector &query, const std::vector<Entry> &entries) const {
        std::vector<Item<Real>> items;
        for (const Entry &e : entries)
            items.push_back({dot(query.data(), e.key.data(), D), e.value.data()});
        Vector out(static_cast<std::size_t>(D));
        attend(items, -std::numeric_limits<Real>::infinity(), D, out.data());
        return out;
    }

    void set(Index i, const std::vector<Entry> &entries) {
        const Vector out = softmax(vector(q, i), entries);
        for (Index d = 0; d < D; ++d) o(b, i, h, d) = out[static_cast<std::size_t>(d)];
    }

    // Token places first..last-1 of row or column `line`.
    Positions row(Index line, Index first, Index last) const {
        Positions out;
        for (Index c = first; c < last; ++c) out.push_back(line * M + c);
        return out;
    }
    Positions column(Index line, Index first, Index last) const {
        Positions out;
        for (Index r = first; r < last; ++r) out.push_back(r * M + line);
        return out;
    }

    Vector pooled(const Array<Real> &x, const Positions &at) const {
        Vector out = vector(x, at.front());
        for (std::size_t i = 1; i < at.size(); ++i)
            for (std::size_t d = 0; d < out.size(); ++d) {
                const Real next = x.row(b, at[i], h)[d];
                out[d] = sum ? out[d] + next : std::max(out[d], next);
            }
        return out;
    }

    // An empty region: key zero, and the mean of the line it lies in.
    Entry region(const Positions &at, const Positions &line = {}) const {
        std::vector<Entry> tokens;
        for (Index i : at.empty() ? line : at) tokens.push_back(token(i));
        const Vector zero(static_cast<std::size_t>(D));
        if (at.empty()) return {zero, softmax(zero, tokens)};
        return {pooled(k, at), softmax(pooled(q, at), tokens)};
    }

    // Maps G of a token, [head][column], to the keys of its summary: x.W1, LayerNorm, W2.
    std::vector<Vector> projected(Index i, const std::vector<Vector> &g) const {
        const Array<Real> x = array<Real>(call, "x"), w1 = array<Real>(call, "W1");
        const Array<Real> w2 = array<Real>(call, "W2"), gamma = array<Real>(call, "gamma");
        const Array<Real> beta = array<Real>(call, "beta");
        const bool biased = call.has("b1");
        const Array<Real> b1 = biased ? array<Real>(call, "b1") : Array<Real>(1, 1, 1, 1);
        const Array<Real> b2 = biased ? array<Real>(call, "b2") : Array<Real>(1, 1, 1, 1);
        const Index E = x.extent(3), H = q.extent(2);
        const Real eps = static_cast<Real>(call.number("eps", 1e-6));
        Vector y(static_cast<std::size_t>(E));
        Real mean = 0, variance = 0;
        for (Index e = 0; e < E; ++e) {
            Real &sum_e = y[static_cast<std::size_t>(e)];
            sum_e = x(0, b, i, e) + b1(0, 0, 0, e);
            for (Index head = 0; head < H; ++head)
                for (Index d = 0; d < D; ++d)
                    sum_e += g[static_cast<std::size_t>(head)][static_cast<std::size_t>(d)] *
                             w1(0, head, d, e);
            mean += sum_e / static_cast<Real>(E);
        }
        for (Real y_e : y) variance += (y_e - mean) * (y_e - mean) / static_cast<Real>(E);
        std::vector<Vector> keys(static_cast<std::size_t>(H), Vector(static_cast<std::size_t>(D)));
        for (Index e = 0; e < E; ++e) {
            Real &y_e = y[static_cast<std::size_t>(e)];
            y_e = (y_e - mean) / std::sqrt(variance + eps) * gamma(0, 0, 0, e) + beta(0, 0, 0, e);
        }
        for (Index head = 0; head < H; ++head)
            for (Index d = 0; d < D; ++d) {
                Real &key = keys[static_cast<std::size_t>(head)][static_cast<std::size_t>(d)];
                key = b2(0, 0, head, d);
                for (Index e = 0; e < E; ++e)
                    key += y[static_cast<std::size_t>(e)] * w2(0, e, head, d);
            }
        return keys;
    }

    // Softmax of token i inside its row, with rows of `values`.
    Vector inside_row(Index i, const Array<Real> &values) const {
        std::vector<Entry> entries;
        for (Index j : row(i / M, 0, M)) entries.push_back({vector(k, j), vector(values, j)});
        return softmax(vector(q, i), entries);
    }

    void rowmajor() {
        const bool causal = call.number("causal", 0) != 0;
        const std::string summary = call.word("summary", "none");
        std::vector<Entry> summaries;
        for (Index i = 0; i < n * M; ++i) {
            const bool wsum = summary == "wsum" || summary == "wsum_proj";
            Entry made{wsum ? inside_row(i, k) : vector(k, i), inside_row(i, v)};
            if (summary.find("proj") != std::string::npos) {
                std::vector<Vector> heads;
                const Index own = h;
                for (h = 0; h < q.extent(2); ++h) heads.push_back(inside_row(i, wsum ? k : v));
                h = own;
                made.key = projected(i, heads)[static_cast<std::size_t>(h)];
            }
            summaries.push_back(made);
        }
        for (Index i = 0; i < n * M; ++i) {
            std::vector<Entry> entries;
            for (Index j : row(i / M, 0, causal ? i % M + 1 : M)) entries.push_back(token(j));
            for (Index t = 0; t < (causal ? i / M : n); ++t)
                entries.push_back(summaries[static_cast<std::size_t>(t * M + i % M)]);
            set(i, entries);
        }
    }

    // combiner_axial_vertical has no parts of rows, combiner_axial_horizontal none of columns.
    void mixture_causal() {
        std::vector<Entry> above, left, right;  // by token; unused where empty
        for (Index i = 0; i < n * M; ++i) {
            const Index r = i / M, c = i % M;
            above.push_back(r > 0 ? region(column(c, 0, r)) : Entry());
            left.push_back(c > 0 ? region(row(r, 0, c)) : Entry());
            right.push_back(c < M - 1 ? region(row(r, c + 1, M)) : Entry());
        }
        const auto at = [](const std::vector<Entry> &all, Index i) {
            return all[static_cast<std::size_t>(i)];
        };
        for (Index i = 0; i < n * M; ++i) {
            const Index r = i / M, c = i % M;
            std::vector<Entry> entries;
            for (Index j : row(r, 0, c + 1)) entries.push_back(token(j));
            for (Index j : column(c, 0, r)) entries.push_back(token(j));
            for (Index j = 0; j < M && call.op != "combiner_axial_horizontal"; ++j)
                if (r > 0 && j != c) entries.push_back(at(above, r * M + j));
            for (Index t = 0; t < r && call.op != "combiner_axial_vertical"; ++t) {
                if (c > 0) entries.push_back(at(left, t * M + c));
                if (c < M - 1) entries.push_back(at(right, t * M + c));
            }
            set(i, entries);
        }
    }

    void mixture_bidir() {
        std::vector<Entry> above, below, left, right;  // by token
        for (Index i = 0; i < n * M; ++i) {
            const Index r = i / M, c = i % M;
            above.push_back(region(column(c, 0, r), column(c, 0, n)));
            below.push_back(region(column(c, r + 1, n), column(c, 0, n)));
            left.push_back(region(row(r, 0, c), row(r, 0, M)));
            right.push_back(region(row(r, c + 1, M), row(r, 0, M)));
        }
        for (Index i = 0; i < n * M; ++i) {
            std::vector<Entry> entries;
            for (Index j : row(i / M, 0, M)) {
                const auto at = static_cast<std::size_t>(j);
                entries.insert(entries.end(), {token(j), above[at], below[at]});
            }
            for (Index t : column(i % M, 0, n)) {
                const auto at = static_cast<std::size_t>(t);
                entries.insert(entries.end(), {token(t), left[at], right[at]});
            }
            set(i, entries);
        }
    }

    const Case &call;
    Array<Real> q, k, v;
    const Index D, M, n;
    const bool sum;
    Array<Real> o;
    Index b = 0, h = 0;
};

}  // namespace

template <typename Real>
Outputs combiner_grid(const Case &call) {
    return Grid<Real>(call).run();
}

template Outputs combiner_grid<float>(const Case &);
template Outputs combiner_grid<double>(const Case &);

}  // namespace attune::oracle
