#include "blocked_source.h"

#include <numeric>
#include <stdexcept>

#include "math/bf16.h"
#include "math/exp2.h"
#include "math/strict.h"
#include "source_keys.h"

namespace attune {

using Halide::FuncRef;
using Halide::RDom;
using Halide::Tuple;

namespace {

class SourceBuilder : SourceKeys {
public:
    SourceBuilder(Softmax &x, const Source &source, Expr rows, bool begins)
        : SourceKeys(x, source, rows) {
        p.begins = begins;
    }

    SourceFuncs make() {
        if (p.source.addend && !t.transposed)
            throw std::invalid_argument("schedule: source " + p.source.name +
                                        " adds what is transposed, with rows on the lanes");
        if (p.source.product && (t.pairs || whole))
            throw std::invalid_argument("schedule: source " + p.source.name +
                                        " has no product of pairs, nor of whole chunks");
        make_keys();
        row_integers();
        if (p.source.relative.load) relative();
        if (p.source.addend) addend();
        scores();
        softmax();
        merge();
        return p;
    }

private:
    std::vector<Expr> row_read;  // integers of the query row
    bool masked = false;
    const bool rows_on_lanes = !whole && !t.by_columns();  // of a CPU

    TileProduct tile_product(const std::string &name, const std::vector<Expr> &index, Expr terms,
                             const std::function<Expr(Expr term)> &left,
                             const std::function<Expr(Expr two, Expr pair)> &right) const {
        TileProduct out{Func(name), RDom(0, terms, name + "_over")};
        Expr term = out.over;
        out.sum(index) = 0.f;
        out.sum(index) += cast<float>(left(term)) * cast<float>(right(term % 2, term / 2));
        return out;
    }

    Expr query_row() const { return min(v.qb * t.query_tile + v.qi, rows - 1); }

    void row_integers() {
        std::vector<Expr> made;
        for (auto &f : p.source.row) made.push_back(f(query_row()));
        if (!made.empty()) p.rows(v.qi, v.qb, v.h, v.b) = Tuple(made);
        row_read = integers(v.qi);
    }

    std::vector<Expr> integers(Expr qi) const {
        std::vector<Expr> out;
        for (size_t i = 0; i < p.source.row.size(); i++) out.push_back(row_integer(x, p, i, qi));
        return out;
    }

    // Rows past the end, up to a whole group, repeat the last.
    void relative() {
        const Relative &r = p.source.relative;
        Expr row = min(v.k, r.last - 1);
        auto load = [&](Expr d) { return r.load(d, row); };
        Expr element = t.pairs ? bf16_pair(load, p.over_d * 2, x.head) : load(p.over_d);
        p.relative_dot(v.qi, v.k, v.qb, v.h, v.b) = 0.f;
        FuncRef dot = p.relative_dot(v.qi, v.k, v.qb, v.h, v.b);
        dot = sum(dot, x.query(v.qi, p.over_d, v.qb, v.h, v.b), element);
        Expr term = p.relative_dot(v.qi, v.k, v.qb, v.h, v.b);
        if (x.scale.defined()) term = term * x.scale;
        p.relative(v.qi, v.k, v.qb, v.h, v.b) = r.more ? term + r.more(row) : term;
    }

    Expr relative_term(const Key &key) const {
        const Relative &r = p.source.relative;
        auto term = [&](Expr at) { return Expr(p.relative(v.qi, at, v.qb, v.h, v.b)); };
        auto indexed = [&](Expr i) {
            return term(clamp(r.index(integers(i), query_row(), key), r.first, r.last - 1));
        };
        Expr out = indexed(v.qi);
        const int rows = std::gcd(t.query_tile, 16);
        if (r.alike) out = either(r.alike(rows), indexed(v.qi / rows * rows), out);
        if (!r.falls) return out;
        Expr at = unsafe_promise_clamped(r.falls_from(key) - v.qi, r.first, r.last - 1);
        return either(r.falls(key), term(at), out);
    }

    Expr admitted(Expr row, const Key &key_of, Expr k) const {
        const Source &s = p.source;
        Expr ok;
        if (s.admit) ok = s.admit(row_read, row, key_of);
        if (whole || t.whole_groups) ok = ok.defined() ? ok && key(k) < last : key(k) < last;
        return ok;
    }

    // Past the last row that one again; past the last key as well, where none is read in one piece.
    void addend() {
        const int step = t.key_step;
        auto element = [&](Expr k, Expr i) {
            Expr row = min(v.qb * t.query_tile + i, rows - 1), at = key(v.kt * step + k);
            return either(key(v.kt * step + step) <= last, p.source.addend(row, at),
                          p.source.addend(row, min(at, last - 1)));
        };
        const std::vector<Var> rest{v.kt, v.c, v.qb, v.h, v.b};
        p.addend_blocks =
            transposed(p.source.name + "_addend",
                       std::gcd(t.transposed, std::gcd(step, t.tile_rows)), rest, element);
        p.addend(at({v.qi, v.k, v.kt})) = p.addend_blocks.at(v.k, v.qi, {rest.begin(), rest.end()});
    }

    // Past the last row that one again. In whole blocks scores are neighbours; as masked loads of
    // rows before the end they were calls of memcpy on AVX2, 10 % of tls_bidir.
    Expr given(Expr k) const {
        auto score = [&](Expr row) { return p.source.given(row, located(inside(k), staged(k))); };
        Expr row = v.qb * t.query_tile + v.qi;
        return either((v.qb + 1) * t.query_tile <= rows, score(row), score(query_row()));
    }

    void scores() {
        const int step = t.key_step;
        if (p.source.given) {
            p.dot(at({v.qi, v.k, v.kt})) = given(v.kt * step + v.k) + asked();
        } else if (t.tiles) {
            p.dot_tiles = tile_product(
                p.source.name + "_dot_tiles", at({v.qi, v.k, v.kt}), x.head,
                [&](Expr d) {
                    return p.key(at({d, v.kt * step + v.k}));
                },
                [&](Expr two, Expr d) { return x.query_halves(two, v.qi, d, v.qb, v.h, v.b); });
            p.dot(at({v.qi, v.k, v.kt})) = p.dot_tiles.sum(at({v.qi, v.k, v.kt}));
        } else {
            p.dot(at({v.qi, v.k, v.kt})) = asked();
            FuncRef dot = p.dot(at({v.qi, v.k, v.kt}));
            Expr k = v.kt * step + v.k, d = p.over_d;
            // A staged row past the end is not made.
            Expr row = rows_on_lanes && p.key.has_update_definition() ? inside(k) : k;
            Expr query = x.query(v.qi, d, v.qb, v.h, v.b), element = p.key(at({d, row}));
            if (p.source.product)
                dot += p.source.product(query, element, d, located(inside(k), staged(k)));
            else
                dot = sum(dot, query, element);
        }
        Expr k = p.over_groups.y * step + p.over_groups.x;
        Expr row = query_row();
        Key key_of = located(inside(k), staged(k));
        Expr s = p.dot(at({v.qi, p.over_groups.x, p.over_groups.y}));
        if (x.scale.defined() && !p.source.given) s = s * x.scale;
        const Relative &r = p.source.relative;
        if (r.load) {
            s = s + relative_term(key_of);
        }
        if (p.source.score) s = p.source.score(s, row, key_of);
        if (p.source.addend) s = s + p.addend(at({v.qi, p.over_groups.x, p.over_groups.y}));
        Expr ok = admitted(row, key_of, k);
        if (p.source.score || p.source.given || p.source.addend)
            ok = ok.defined() ? ok && s > kSeen : s > kSeen;
        masked = ok.defined();
        if (masked) s = select(ok, s, kNone);
        // Updates over RDoms, because pure loops would run over the whole chunk.
        p.score(at({v.qi, v.k})) = Halide::undef<float>();
        p.score(at({v.qi, k})) = s;
    }

    void softmax() {
        Expr k = p.over_keys, term = p.over_terms, left = last - key(0);
        if (t.maximum_of_groups()) k = p.over_groups.y * t.key_step + p.over_groups.x;
        if (t.whole_groups) term = k;
        p.maximum(at({v.qi})) = kNone;
        p.maximum(at({v.qi})) = max(p.maximum(at({v.qi})), p.score(at({v.qi, k})));
        // A masked pair counts exactly 0; a row that sees nothing of the chunk sums to 0.
        Expr m = p.maximum(at({v.qi})), weight;
        if (masked) m = max(m, kSeen);
        auto score = [&](Expr k) { return p.score(at({v.qi, k})); };
        if (t.pairs) {
            // The last key again past the end, where V and the weight are 0. The sum is that of
            // unrounded probabilities: a second value of the Func.
            Expr second = unsafe_promise_clamped(min(term * 2 + 1, left - 1), 0, t.key_chunk - 1);
            auto y = [&](Expr k) {
                return x.natural ? (score(k) - m) * kLog2e - 0.5f : score(k) - (m + 0.5f);
            };
            Expr both = select(term * 2 + 1 < left, 1.f, 0.f);
            p.probability(at({v.qi, v.k})) =
                Tuple(t.tiles ? Expr(0u) : Halide::undef<uint32_t>(), Halide::undef<float>());
            p.probability(at({v.qi, term})) = exp2_bf16_pair(y(term * 2), y(second), both);
            weight = p.probability(at({v.qi, term}))[1];
        } else {
            Expr y = score(term) - m, e = power(x, y);
            if (masked && !t.exp2_flushes) e = select(y > kSeen, e, 0.f);
            p.probability(at({v.qi, v.k})) = Halide::undef<float>();
            p.probability(at({v.qi, term})) = e;
            weight = p.probability(at({v.qi, term}));
        }
        p.sum(at({v.qi})) = 0.f;
        p.sum(at({v.qi})) += weight;
        if (t.tiles) return weigh_tiles();
        p.weighted(at({v.qi, v.d})) = 0.f;
        if (!t.value_step) return weigh(p.over_terms, p.value);
        // Two updates, so that the first has no condition inside and nothing past the end is read.
        const int step = t.value_step, chunk = t.key_chunk;
        Expr here = clamp(left, 0, chunk), whole = here / step * step;
        p.over_steps = RDom(0, step, 0, chunk / step, p.source.name + "_over_steps");
        p.over_steps.where(p.over_steps.y * step < whole);
        p.step_value = Func(p.source.name + "_step_value");
        p.step_value(at({v.d, v.k})) = p.value(at({v.d, v.k}));
        weigh(p.over_steps.y * step + p.over_steps.x, p.step_value);
        p.over_rest = RDom(0, step - 1, p.source.name + "_over_rest");
        p.over_rest.where(whole + p.over_rest < here);
        weigh(unsafe_promise_clamped(whole + p.over_rest, 0, chunk - 1), p.value);
    }

    void weigh(Expr term, Func value) {
        FuncRef weighted = p.weighted(at({v.qi, v.d}));
        FuncRef probability = p.probability(at({v.qi, term}));
        Expr factor = t.pairs ? Expr(probability[0]) : Expr(probability);
        weighted = sum(weighted, factor, value(at({v.d, term})));
    }

    void weigh_tiles() {
        Var two("two");
        p.probability_halves = Func(p.source.name + "_probability_halves");
        p.probability_halves(at({two, v.qi, v.k})) =
            bf16_of_pair(p.probability(at({v.qi, v.k}))[0], two);
        p.weighted_tiles = tile_product(
            p.source.name + "_weighted_tiles", at({v.qi, v.d}), t.key_chunk,
            [&](Expr k) {
                return p.value(at({k, v.d}));
            },
            [&](Expr two, Expr pair) {
                return p.probability_halves(at({two, v.qi, pair}));
            });
        p.weighted(at({v.qi, v.d})) = p.weighted_tiles.sum(at({v.qi, v.d}));
    }

    Expr sum(Expr old, Expr a, Expr b) const {
        return t.pairs ? add_products(old, a, b) : old + a * b;
    }

    // One of the two factors is always 1: one exponential instead of two.
    void merge() {
        Expr c = p.over_chunks;
        FuncRef old = x.state(v.qi, v.g, v.qb, v.h, v.b);
        Expr m_old = old[0], m = p.maximum(v.qi, c, v.qb, v.h, v.b);
        Expr smaller = power(x, -abs(m_old - m));
        Expr f_old = select(m_old >= m, 1.f, smaller), f = select(m_old >= m, smaller, 1.f);
        using Halide::Internal::Call;
        // The state is empty then, unless an earlier result is in it.
        const bool empty = rows_on_lanes && p.begins && !x.start.defined();
        std::vector<Expr> next;
        auto add = [&](Expr first, Expr merged) {
            next.push_back(empty ? either(c == 0, first, merged) : merged);
        };
        // Left to the compiler, either product may become the multiply-add.
        auto add_sum = [&](Expr old, Expr more) {
            Expr scaled = t.by_columns() ? strict(Call::strict_mul, more, f) : more * f;
            add(more, old * f_old + scaled);
        };
        add(m, max(m_old, m));
        add_sum(old[1], p.sum(v.qi, c, v.qb, v.h, v.b));
        for (int j = 0; j < t.columns; j++)
            add_sum(old[2 + j], p.weighted(v.qi, column(x, j), c, v.qb, v.h, v.b));
        x.state(v.qi, v.g, v.qb, v.h, v.b) = Tuple(next);
        p.state = x.state;
        p.update = x.state.num_update_definitions() - 1;
    }
};

}  // namespace

SourceFuncs blocked_source(Softmax &x, const Source &source, Expr rows, bool begins) {
    return SourceBuilder(x, source, rows, begins).make();
}

}  // namespace attune
