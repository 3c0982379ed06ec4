#include "blocked_source.h"

#include <numeric>
#include <stdexcept>

#include "math/bf16.h"
#include "math/exp2.h"
#include "math/strict.h"
#include "of_tile.h"

namespace attune {

using Halide::FuncRef;
using Halide::RDom;
using Halide::Tuple;

namespace {

class SourceBuilder {
public:
    SourceBuilder(Softmax &x, const Source &source, Expr rows)
        : x(x), v(x.v), t(x.blocking), rows(rows), whole(t.key_step == t.key_chunk) {
        p.source = source;
        p.tiles = Var(source.name + "_tiles");
        p.keys = Var(source.name + "_keys");
        p.places = Var(source.name + "_places");
        p.range = Func(source.name + "_range");
        p.place = Func(source.name + "_place");
        Func *funcs[] = {&p.rows,     &p.key,      &p.value,        &p.dot,
                         &p.score,    &p.maximum,  &p.probability,  &p.sum,
                         &p.weighted, &p.relative, &p.relative_dot, &p.addend};
        const char *names[] = {"rows",     "key",      "value",        "dot",
                               "score",    "maximum",  "probability",  "sum",
                               "weighted", "relative", "relative_dot", "addend"};
        for (int i = 0; i < 12; i++) *funcs[i] = Func(source.name + "_" + names[i]);
    }

    SourceFuncs make() {
        if (p.source.addend && !t.transposed)
            throw std::invalid_argument("schedule: source " + p.source.name +
                                        " adds what is transposed, with rows on the lanes");
        if (p.source.product && (t.pairs || whole))
            throw std::invalid_argument("schedule: source " + p.source.name +
                                        " has no product of pairs, nor of whole chunks");
        range();
        domains();
        place();
        if (t.tiles)
            stage_tiles();
        else if (t.pairs)
            stage_pairs();
        else
            stage_rows();
        row_integers();
        if (p.source.relative.load) relative();
        if (p.source.addend) addend();
        if (t.next_block > 1 && (p.source.beyond.defined() || p.source.given)) ahead();
        scores();
        softmax();
        merge();
        return p;
    }

private:
    Softmax &x;
    const Dims &v;
    const Blocking &t;
    const Expr rows;
    const bool whole;
    SourceFuncs p;
    Expr first, last;            // of the block's keys
    std::vector<Expr> row_read;  // integers of the query row
    bool masked = false;
    std::vector<Expr> at(std::vector<Expr> index) const {
        index.insert(index.end(), {v.c, v.qb, v.h, v.b});
        return index;
    }
    Expr key(Expr k) const { return first + v.c * t.key_chunk + k; }
    // Past the end the last key again, so memory behind the keys is never read.
    Expr staged(Expr k) const { return min(key(k), last - 1); }
    Expr inside(Expr k) const {
        Expr end = last - 1 - first - v.c * t.key_chunk;
        return unsafe_promise_clamped(min(k, end), 0, t.key_chunk - 1);
    }
    Key located(Expr k, Expr index) const {
        Key out{index, {}};
        const auto &locate = p.source.locate;
        if (locate.empty()) return out;
        FuncRef made = p.place(at({k}));
        for (size_t i = 0; i < locate.size(); i++)
            out.at.push_back(whole               ? locate[i](index)
                             : locate.size() > 1 ? Expr(made[int(i)])
                                                 : Expr(made));
        return out;
    }

    // On a CPU the range is two integers made once a block: a where() with a load or a long
    // expression in it stays a branch inside the loops (causal, length 1000: 0.46 of the peak).
    void range() {
        first = p.source.first;
        last = p.source.last;
        if (whole) return;
        // An update, as Halide looks for bounds of the values of a Func that has none, and guards
        // the loops with what it finds.
        auto make = [](Func f, const std::vector<Expr> &at, Expr first, Expr last) {
            f(at) = Tuple(0, 0);
            FuncRef made = f(at);
            f(at) = Tuple(Expr(made[0]) + first, Expr(made[1]) + last);
        };
        if (t.tile_rows < t.query_tile && p.source.by_rows && !t.value_step) {
            Expr tile_first = of_tile(first, v, t, rows), tile_last = of_tile(last, v, t, rows);
            const bool both = tile_first.defined() && tile_last.defined();
            if (both && !(equal(tile_first, first) && equal(tile_last, last))) {
                p.tile_range = Func(p.source.name + "_tile_range");
                make(p.tile_range, {v.qt, v.qb, v.h, v.b}, tile_first, tile_last);
                // What is so anyway: Halide drops a Func that no Expr reads, and these are for a
                // lowering pass.
                FuncRef start = p.tile_range(0, v.qb, v.h, v.b);
                first = min(first, start[0]), last = max(last, start[1]);
            }
        }
        make(p.range, {v.qb, v.h, v.b}, first, last);
        FuncRef made = p.range(v.qb, v.h, v.b);
        first = made[0];
        last = made[1];
    }

    // Each where() becomes a loop bound: what lies past the last key is not visited.
    void domains() {
        const Source &s = p.source;
        const int chunk = t.key_chunk, step = t.key_step;
        p.over_d = RDom(0, x.head_terms, s.name + "_over_d");
        p.over_chunks = RDom(0, max((s.max_keys + chunk - 1) / chunk, 1), s.name + "_over_chunks");
        p.over_chunks.where(p.over_chunks * chunk < last - first);
        p.over_groups = RDom(0, step, 0, chunk / step, s.name + "_over_groups");
        p.over_keys = p.over_terms = RDom(0, chunk, s.name + "_over_keys");
        if (t.pairs) p.over_terms = RDom(0, chunk / 2, s.name + "_over_pairs");
        if (whole) return;
        p.over_groups.where(key(p.over_groups.y * step) < last);
        p.over_keys.where(key(p.over_keys) < last);
        if (t.pairs) p.over_terms.where(key(p.over_terms * 2) < last);
    }

    void place() {
        std::vector<Expr> made;
        for (auto &f : p.source.locate) made.push_back(f(staged(v.k)));
        if (!whole && !made.empty()) p.place(at({v.k})) = Tuple(made);
    }

    void stage_rows() {
        const Source &s = p.source;
        auto value = [&](Expr k) { return s.value(v.d, located(k, whole ? staged(k) : key(k))); };
        if (t.widen || (s.computed && !whole && !t.whole_groups)) {
            p.value(at({v.d, v.k})) = Halide::undef<float>();
            p.value(at({v.d, p.over_keys})) = value(p.over_keys);
            if (s.given) return;
            p.key(at({v.d, v.k})) = Halide::undef<float>();
            p.key(at({v.d, p.over_keys})) = s.key(v.d, located(p.over_keys, key(p.over_keys)));
            return;
        }
        p.value(at({v.d, v.k})) = value(v.k);
        if (!s.given) p.key(at({v.d, v.k})) = s.key(v.d, located(inside(v.k), staged(v.k)));
    }

    // Pairs of d of a key are read in place if they lie together in memory; pairs of keys of V are
    // made once a chunk.
    void stage_pairs() {
        const Source &s = p.source;
        auto value = [&](Expr k) { return s.value(v.d, located(inside(k), key(k))); };
        p.value(at({v.d, v.k})) = Halide::undef<uint32_t>();
        p.value(at({v.d, p.over_terms})) = bf16_pair(value, p.over_terms * 2, last - key(0));
        if (s.given) return;
        auto pair = [&](const Key &k) {
            auto load = [&](Expr d) { return s.key(d, k); };
            return bf16_pair(load, v.d * 2, x.head);
        };
        Key in_place = located(inside(v.k), staged(v.k));
        if (divides(2, x.head) && widened_bf16(s.key(v.d, in_place)).defined()) {
            p.key(at({v.d, v.k})) = pair(in_place);
            return;
        }
        p.key(at({v.d, v.k})) = Halide::undef<uint32_t>();
        p.key(at({v.d, p.over_keys})) = pair(located(p.over_keys, key(p.over_keys)));
    }

    // Rows of K as they are; V by columns, 0 past the last key, as tiles take a whole chunk.
    void stage_tiles() {
        const Source &s = p.source;
        auto value = [&](Expr d, Expr k) {
            Expr stored = bf16(s.value(d, located(inside(k), max(staged(k), 0))));
            return select(key(k) < last, stored, cast(stored.type(), 0));
        };
        const std::vector<Var> rest{v.c, v.qb, v.h, v.b};
        p.value_blocks = transposed(s.name + "_value", 16, rest, value);
        p.value(at({v.k, v.d})) = p.value_blocks.at(v.d, v.k, {rest.begin(), rest.end()});
        if (s.given) return;
        p.key(at({v.d, v.k})) = Halide::undef(Halide::BFloat(16));
        p.key(at({v.d, p.over_keys})) = bf16(s.key(v.d, located(p.over_keys, key(p.over_keys))));
    }

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

    // Rows behind the block's, for the next one; where scores are given, and a block sees all keys,
    // of the next chunk. Each tile's groups of keys ask for some: a core has few miss buffers. More
    // than their share, as a causal block has half of the groups.
    void ahead() {
        constexpr int kLine = 64;
        const Source &s = p.source;
        const int all = s.given ? t.key_chunk : t.query_tile;
        const int groups = t.key_chunk / t.key_step, times = groups * (t.query_tile / t.tile_rows);
        const int share = (all + times - 1) / times, count = s.given ? share : 2 * share + 1;
        Expr from = s.given ? key(t.key_chunk) : last, end = s.given ? last : s.beyond;
        p.over_ahead = RDom(0, count, s.name + "_over_ahead");
        Expr place = (v.qt * groups + v.kt) * count + p.over_ahead, row = from + place;
        p.over_ahead.where(row < end);
        p.over_ahead.where(place < 2 * all);
        auto element = [&](const auto &load, Expr columns) {
            return load(min(v.d * (kLine / t.element_bytes), columns - 1), located(0, row));
        };
        Expr bytes = max(x.head, x.value_head) * t.element_bytes,
             loaded = element(s.value, x.value_head);
        if (!s.given) loaded = loaded + element(s.key, x.head);
        p.ahead = Func(s.name + "_ahead");
        p.ahead(at({v.d, v.k, v.kt, v.qt})) = 0.f;
        p.ahead(at({v.d, p.over_ahead, v.kt, v.qt})) = loaded;
        p.ahead.bound(v.d, 0, simplify((bytes + kLine - 1) / kLine)).bound(v.k, 0, count);
    }

    // Past the last row that one again. In whole blocks scores are neighbours; as masked loads of
    // rows before the end they were calls of memcpy on AVX2, 10 % of tls_bidir.
    Expr given(Expr k) const {
        auto score = [&](Expr row) { return p.source.given(row, located(inside(k), staged(k))); };
        Expr row = v.qb * t.query_tile + v.qi;
        return either((v.qb + 1) * t.query_tile <= rows, score(row), score(query_row()));
    }

    // Halide drops a Func that no Expr reads. The pass makes it 0.
    Expr asked() const {
        return p.ahead.defined() ? Expr(p.ahead(at({0, 0, v.kt, v.qi / t.tile_rows}))) : Expr(0.f);
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
            Expr query = x.query(v.qi, d, v.qb, v.h, v.b), element = p.key(at({d, k}));
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
        if (t.whole_groups) k = term = p.over_groups.y * t.key_step + p.over_groups.x;
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
        // Left to the compiler, either product may become the multiply-add.
        auto merged = [&](Expr old, Expr more) {
            return old * f_old + (t.by_columns() ? strict(Call::strict_mul, more, f) : more * f);
        };
        std::vector<Expr> next{max(m_old, m), merged(old[1], p.sum(v.qi, c, v.qb, v.h, v.b))};
        for (int j = 0; j < t.columns; j++)
            next.push_back(merged(old[2 + j], p.weighted(v.qi, column(x, j), c, v.qb, v.h, v.b)));
        x.state(v.qi, v.g, v.qb, v.h, v.b) = Tuple(next);
        p.update = x.state.num_update_definitions() - 1;
    }
};

}  // namespace

SourceFuncs blocked_source(Softmax &x, const Source &source, Expr rows) {
    return SourceBuilder(x, source, rows).make();
}

}  // namespace attune
