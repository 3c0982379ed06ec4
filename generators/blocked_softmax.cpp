#include "blocked_softmax.h"

#include <cmath>

#include "math/bf16.h"
#include "math/exp2.h"

namespace attune {

using Halide::FuncRef;
using Halide::RDom;
using Halide::Tuple;

namespace {

constexpr float kNone = -1e30f;  // no key seen yet
constexpr float kSeen = -1e29f;  // anything above is a score
constexpr float kLn2 = 0.693147181f;

Expr row_integer(const Softmax &x, const SourceFuncs &p, size_t i) {
    const Dims &v = x.v;
    FuncRef all = p.rows(v.qi, v.qb, v.h, v.b);
    return p.source.row.size() > 1 ? Expr(all[int(i)]) : Expr(all);
}

bool divides(int divisor, Expr e) { return Halide::Internal::is_const_zero(simplify(e % divisor)); }

// e to the power of a difference of scores. Those that a variant changes are rounded once more if
// they, and not their differences, are multiplied by log2(e): twice the error for scores of 100.
Expr power(const Softmax &x, Expr difference) {
    return x.blocking.exp2(x.natural ? difference * kLog2e : difference);
}

// Makes the Funcs of one source and the update of the state that merges its chunks.
class SourceBuilder {
public:
    SourceBuilder(Softmax &x, const Source &source, Expr rows)
        : x(x), v(x.v), t(x.blocking), rows(rows), whole(t.key_step == t.key_chunk) {
        p.source = source;
        p.range = Func(source.name + "_range");
        p.place = Func(source.name + "_place");
        Func *funcs[] = {&p.rows,    &p.key,         &p.value, &p.dot,     &p.score,
                         &p.maximum, &p.probability, &p.sum,   &p.weighted};
        const char *names[] = {"rows",    "key",         "value", "dot",     "score",
                               "maximum", "probability", "sum",   "weighted"};
        for (int i = 0; i < 9; i++) *funcs[i] = Func(source.name + "_" + names[i]);
    }

    SourceFuncs make() {
        range();
        domains();
        place();
        if (t.pairs)
            stage_pairs();
        else
            stage_rows();
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
    Expr first, last;  // of the block's keys
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
        p.range(v.qb, v.h, v.b) = Tuple(first, last);
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
        if (t.widen) {
            for (Func f : {p.key, p.value}) f(at({v.d, v.k})) = Halide::undef<float>();
            p.key(at({v.d, p.over_keys})) = s.key(v.d, located(p.over_keys, key(p.over_keys)));
            p.value(at({v.d, p.over_keys})) = value(p.over_keys);
            return;
        }
        p.key(at({v.d, v.k})) = s.key(v.d, located(inside(v.k), staged(v.k)));
        p.value(at({v.d, v.k})) = value(v.k);
    }

    // Pairs of d of a key are read in place if they lie together in memory; pairs of keys of V are
    // made once a chunk.
    void stage_pairs() {
        const Source &s = p.source;
        auto value = [&](Expr k) { return s.value(v.d, located(inside(k), key(k))); };
        p.value(at({v.d, v.k})) = Halide::undef<uint32_t>();
        p.value(at({v.d, p.over_terms})) = bf16_pair(value, p.over_terms * 2, last - key(0));
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

    Expr admitted(Expr row, Expr k) {
        const Source &s = p.source;
        std::vector<Expr> made, read;
        for (auto &f : s.row) made.push_back(f(row));
        if (!made.empty()) p.rows(v.qi, v.qb, v.h, v.b) = Tuple(made);
        for (size_t i = 0; i < made.size(); i++) read.push_back(row_integer(x, p, i));
        Expr ok;
        if (s.admit) ok = s.admit(read, row, staged(k));
        if (whole || t.whole_groups) ok = ok.defined() ? ok && key(k) < last : key(k) < last;
        return ok;
    }

    void scores() {
        const int step = t.key_step;
        p.dot(at({v.qi, v.k, v.kt})) = 0.f;
        FuncRef dot = p.dot(at({v.qi, v.k, v.kt}));
        dot = sum(dot, x.query(v.qi, p.over_d, v.qb, v.h, v.b),
                  p.key(at({p.over_d, v.kt * step + v.k})));
        Expr k = p.over_groups.y * step + p.over_groups.x;
        Expr row = min(v.qb * t.query_tile + v.qi, rows - 1);
        Expr s = p.dot(at({v.qi, p.over_groups.x, p.over_groups.y}));
        if (x.scale.defined()) s = s * x.scale;
        if (p.source.score) s = p.source.score(s, row, staged(k));
        Expr ok = admitted(row, k);
        if (p.source.score) ok = ok.defined() ? ok && s > kSeen : s > kSeen;
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
                Tuple(Halide::undef<uint32_t>(), Halide::undef<float>());
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
        p.weighted(at({v.qi, v.d})) = 0.f;
        FuncRef weighted = p.weighted(at({v.qi, v.d}));
        term = p.over_terms;
        FuncRef probability = p.probability(at({v.qi, term}));
        Expr factor = t.pairs ? Expr(probability[0]) : Expr(probability);
        weighted = sum(weighted, factor, p.value(at({v.d, term})));
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
        std::vector<Expr> next{max(m_old, m), old[1] * f_old + p.sum(v.qi, c, v.qb, v.h, v.b) * f};
        for (int j = 0; j < t.columns; j++) {
            Expr column = j / t.run * t.run * x.owners + v.g * t.run + j % t.run;
            next.push_back(old[2 + j] * f_old + p.weighted(v.qi, column, c, v.qb, v.h, v.b) * f);
        }
        x.state(v.qi, v.g, v.qb, v.h, v.b) = Tuple(next);
        p.update = x.state.num_update_definitions() - 1;
    }
};

// Always 0, and Halide cannot know: reads `a` once more after the chunk loop.
Expr hold(Expr a) { return select(a > 3e38f && a < -3e38f, 1.f, 0.f); }

// Element (owner, index) of the state that holds column d of the result.
struct Place {
    Expr owner, index;
};
Place place(const Softmax &x, Expr d) {
    const Blocking &t = x.blocking;
    if (t.run == t.columns) return {d / t.columns, d % t.columns};
    return {d / t.run % x.owners, d / (t.run * x.owners) * t.run + d % t.run};
}

void finish(Softmax &x, const Queries &q) {
    const Dims &v = x.v;
    const Blocking &t = x.blocking;
    Place at = place(x, v.d);
    FuncRef state = x.state(v.qi, at.owner, v.qb, v.h, v.b);
    FuncRef own = x.state(v.qi, v.g, v.qb, v.h, v.b);
    std::vector<Expr> columns;
    for (int i = 0; i < t.columns; i++) columns.push_back(state[2 + i]);
    Expr none = 0.f;
    if (t.owned) {
        none = none + hold(x.query(v.qi, 0, v.qb, v.h, v.b));
        for (SourceFuncs &p : x.sources)
            for (size_t i = 0; i < p.source.row.size(); i++)
                none = none + hold(cast<float>(row_integer(x, p, i)));
    }
    Expr row = v.qb * t.query_tile + v.qi;
    Expr top = own[0], sum = own[1], factor = 1.f;
    if (q.sink.defined()) {
        Expr sink = x.natural ? q.sink : q.sink * kLog2e, smaller = power(x, -abs(top - sink));
        factor = select(top >= sink, 1.f, smaller);
        sum = sum * factor + select(top >= sink, smaller, 1.f);
        top = max(top, sink);
    }
    Expr some = top > kSeen;
    if (q.valid) some = some && q.valid(row);
    // 1 / sum once a row: a division for each column was 2 % of a window of 256 keys.
    x.norm(v.qi, v.g, v.qb, v.h, v.b) = select(some && Expr(own[0]) > kSeen, factor / sum, 0.f);
    Expr norm = x.norm(v.qi, t.owned ? at.owner : Expr(0), v.qb, v.h, v.b);
    x.out(v.qi, v.d, v.qb, v.h, v.b) = select(norm > 0.f, mux(at.index, columns) * norm, none);
    if (!x.natural) top = top * kLn2;
    x.lse(v.qi, v.g, v.qb, v.h, v.b) = select(some, top + log(sum), -INFINITY);
}

// The result is an update over explicit tiles of rows: no division by the tile size anywhere, and a
// row may go to any place. Heads and batch elements are part of the update for the same reason.
void store(Softmax &x, const Build &build, const Queries &q, Expr columns, bool with_lse) {
    const Dims &v = x.v;
    const Blocking &t = x.blocking;
    const int threads = t.row_threads, n = t.query_tile;
    Expr blocks = (q.count + n - 1) / n, d = v.d;
    std::vector<Halide::Range> loops{
        {0, n / threads}, {0, threads}, {0, blocks}, {0, q.heads}, {0, q.batches}};
    // Innermost, as Halide moves no loop past one whose columns might be the same.
    if (q.column) loops.insert(loops.begin(), {0, x.value_head});
    RDom over(loops, "over_rows");
    const int first = q.column ? 1 : 0;
    if (q.column) x.column = over.x, d = over.x;
    Halide::RVar *const rvars[] = {&x.over_rows, &x.over_threads, &x.over_blocks, &x.over_heads,
                                   &x.over_batches};
    for (int r = 0; r < 5; r++) *rvars[r] = over[first + r];
    auto here = [&](Expr e) {
        return substitute({{v.h.name(), Expr(x.over_heads)}, {v.b.name(), Expr(x.over_batches)}},
                          e);
    };
    Expr i = x.over_rows * threads + x.over_threads, block = x.over_blocks;
    Expr row = unsafe_promise_clamped(block * n + i, 0, q.count - 1);
    over.where(block * n + i < here(q.stored));
    if (t.padded_head) over.where(d < columns);
    std::vector<Expr> to{q.column ? here(q.column(d)) : d};
    std::vector<Var> any{v.d};
    for (const Expr &index : q.place(row)) {
        to.insert(to.begin() + 1, here(index));
        any.emplace_back("to" + std::to_string(any.size()));
    }
    Expr out = build.stored(x.out(i, d, block, x.over_heads, x.over_batches));
    Expr unset = Halide::undef(out.type());
    if (!with_lse) {
        x.result(any) = unset;
        x.result(to) = out;
        return;
    }
    Expr owner = t.owned ? place(x, d).owner : Expr(0);
    Expr lse = x.lse(i, owner, block, x.over_heads, x.over_batches);
    x.result(any) = Tuple(unset, Halide::undef<float>());
    x.result(to) = Tuple(out, lse);
}

}  // namespace

Softmax blocked_softmax(const Build &build, const Attention &a, const Blocking &t, bool with_lse) {
    Softmax x;
    x.v = build.v;
    x.blocking = t;
    const Dims &v = x.v;
    const Variant &variant = build.variant;
    Expr D = build.extent("D"), Dv = variant.has_extent("Dv") ? build.extent("Dv") : D;
    x.head = t.padded_head ? Expr(t.padded_head) : D;
    x.head_terms = t.pairs ? simplify((x.head + 1) / 2) : x.head;
    x.value_head = t.padded_head ? Expr(t.padded_head) : Dv;
    x.owners = simplify((x.value_head + t.columns - 1) / t.columns);
    for (const Source &s : a.sources) x.natural = x.natural || s.score;
    Expr row = min(v.qb * t.query_tile + v.qi, a.queries.count - 1);
    Expr scale = x.natural ? a.queries.scale : a.queries.scale * kLog2e;
    // Columns past the head size: 0 in the padded Q and K of a GPU. V repeats the last column,
    // which nobody stores, there and on a CPU where columns do not divide Dv.
    auto padded = [&](const auto &load, Expr size) {
        return [=](Expr d, const Key &k) {
            return t.padded_head ? select(d < size, load(min(d, size - 1), k), 0.f) : load(d, k);
        };
    };
    auto query = padded(a.queries.load, D);
    if (t.pairs) {  // Q as it is, so that it is not rounded again
        auto load = [&](Expr d) { return query(d, {row, {}}); };
        x.scale = scale;
        x.query(v.qi, v.d, v.qb, v.h, v.b) = bf16_pair(load, v.d * 2, D);
    } else {
        x.query(v.qi, v.d, v.qb, v.h, v.b) = query(v.d, {row, {}}) * scale;
    }
    std::vector<Expr> init(2 + t.columns, 0.f);
    init[0] = kNone;
    x.state(v.qi, v.g, v.qb, v.h, v.b) = Tuple(init);
    for (Source s : a.sources) {
        auto loaded = s.value;
        s.key = padded(s.key, D);
        if (!divides(t.columns, x.value_head) || t.padded_head)
            s.value = [=](Expr d, const Key &k) { return loaded(min(d, Dv - 1), k); };
        x.sources.push_back(SourceBuilder(x, s, a.queries.count).make());
    }
    finish(x, a.queries);
    store(x, build, a.queries, Dv, with_lse);
    for (const Beside &b : a.beside) store_beside(x, build, b);
    return x;
}

}  // namespace attune
