#include "source_keys.h"

#include "math/bf16.h"
#include "of_tile.h"

namespace attune {

using Halide::FuncRef;
using Halide::RDom;
using Halide::Tuple;

SourceKeys::SourceKeys(Softmax &x, const Source &source, Expr rows)
    : x(x), v(x.v), t(x.blocking), rows(rows), whole(t.key_step == t.key_chunk) {
    p.source = source;
    p.tiles = Var(source.name + "_tiles");
    p.keys = Var(source.name + "_keys");
    p.places = Var(source.name + "_places");
    p.range = Func(source.name + "_range");
    p.place = Func(source.name + "_place");
    Func *funcs[] = {&p.rows,        &p.key, &p.value,    &p.dot,      &p.score,        &p.maximum,
                     &p.probability, &p.sum, &p.weighted, &p.relative, &p.relative_dot, &p.addend};
    const char *names[] = {"rows",        "key", "value",    "dot",      "score",        "maximum",
                           "probability", "sum", "weighted", "relative", "relative_dot", "addend"};
    for (int i = 0; i < 12; i++) *funcs[i] = Func(source.name + "_" + names[i]);
}

void SourceKeys::make_keys() {
    range();
    domains();
    place();
    if (p.source.apart.defined()) bring_together();
    if (t.tiles)
        stage_tiles();
    else if (t.pairs)
        stage_pairs();
    else
        stage_rows();
    if (t.next_block > 1 && (p.source.beyond.defined() || p.source.given)) ahead();
}

std::vector<Expr> SourceKeys::at(std::vector<Expr> index) const {
    index.insert(index.end(), {v.c, v.qb, v.h, v.b});
    return index;
}

Expr SourceKeys::key(Expr k) const { return first + v.c * t.key_chunk + k; }
Expr SourceKeys::staged(Expr k) const { return min(key(k), last - 1); }

Expr SourceKeys::inside(Expr k) const {
    Expr end = last - 1 - first - v.c * t.key_chunk;
    return unsafe_promise_clamped(min(k, end), 0, t.key_chunk - 1);
}

Key SourceKeys::located(Expr k, Expr index) const {
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

Expr SourceKeys::asked() const {
    return p.ahead.defined() ? Expr(p.ahead(at({0, 0, v.kt, v.qi / t.tile_rows}))) : Expr(0.f);
}

// On a CPU the range is two integers made once a block: a where() with a load or a long
// expression in it stays a branch inside the loops (causal, length 1000: 0.46 of the peak).
void SourceKeys::range() {
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
void SourceKeys::domains() {
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

void SourceKeys::place() {
    std::vector<Expr> made;
    for (auto &f : p.source.locate) made.push_back(f(staged(v.k)));
    if (!whole && !made.empty()) p.place(at({v.k})) = Tuple(made);
}

// Halide copies one row where there is none, and may find too large a bound of the rows where they
// depend on the line.
void SourceKeys::bring_together() {
    Source &s = p.source;
    Expr last_row = max(s.apart - 1, 0);
    auto copy = [&](Func &f, const char *name, std::function<Expr(Expr, const Key &)> &load) {
        f = Func(s.name + name);
        f(v.d, v.k, v.h, v.b) = either(s.apart > 0, load(v.d, {clamp(v.k, 0, last_row)}), 0.f);
        load = [v = v, f, last_row](Expr d, const Key &k) {
            return Expr(f(d, unsafe_promise_clamped(k.index, 0, last_row), v.h, v.b));
        };
    };
    copy(p.keys_together, "_keys_together", s.key);
    copy(p.values_together, "_values_together", s.value);
}

void SourceKeys::stage_rows() {
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
void SourceKeys::stage_pairs() {
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
void SourceKeys::stage_tiles() {
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

// Rows behind the block's, for the next one; where scores are given, and a block sees all keys,
// of the next chunk. Each tile's groups of keys ask for some: a core has few miss buffers. More
// than their share, as a causal block has half of the groups.
void SourceKeys::ahead() {
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

}  // namespace attune
