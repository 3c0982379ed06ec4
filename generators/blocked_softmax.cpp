#include "blocked_softmax.h"

#include <algorithm>
#include <cmath>

#include "blocked_source.h"
#include "in_place.h"
#include "math/bf16.h"
#include "math/exp2.h"

namespace attune {

using Halide::FuncRef;
using Halide::RDom;
using Halide::Tuple;

Expr row_integer(const Softmax &x, const SourceFuncs &p, size_t i, Expr qi) {
    const Dims &v = x.v;
    FuncRef all = p.rows(qi, v.qb, v.h, v.b);
    return p.source.row.size() > 1 ? Expr(all[int(i)]) : Expr(all);
}

Expr column(const Softmax &x, int j) {
    const Blocking &t = x.blocking;
    return j / t.run * t.run * x.owners + x.v.g * t.run + j % t.run;
}

bool divides(int divisor, Expr e) { return Halide::Internal::is_const_zero(simplify(e % divisor)); }

// e to the power of a difference of scores. Those that a variant changes are rounded once more if
// they, and not their differences, are multiplied by log2(e): twice the error for scores of 100.
Expr power(const Softmax &x, Expr difference) {
    return x.blocking.exp2(x.natural ? difference * kLog2e : difference);
}

namespace {

// Fills f(qi, d) with a matrix that lies row by row; what it went through, if whole blocks are
// transposed.
Transposed fill(const Softmax &x, Func f, Expr columns,
                const std::function<Expr(Expr d, Expr i)> &element) {
    const Dims &v = x.v;
    const int width = x.blocking.transposed;
    if (!width || !divides(width, columns)) {
        f(v.qi, v.d, v.qb, v.h, v.b) = element(v.d, v.qi);
        return {};
    }
    Transposed blocks = transposed(f.name(), width, {v.qb, v.h, v.b}, element);
    f(v.qi, v.d, v.qb, v.h, v.b) = blocks.at(v.d, v.qi, {v.qb, v.h, v.b});
    return blocks;
}

// What a row starts with. Columns past the last repeat it: nobody stores them.
std::vector<Expr> initial(Softmax &x, const Queries &q, const std::function<Expr(Expr)> &row,
                          Expr columns) {
    const Dims &v = x.v;
    std::vector<Expr> out(2 + x.blocking.columns, 0.f);
    out[0] = kNone;
    if (!q.initial) return out;
    const bool whole = divides(x.blocking.columns, columns);
    x.start_blocks = fill(x, x.start, columns, [&](Expr d, Expr i) {
        return q.initial(whole ? d : min(d, columns - 1), row(i));
    });
    Expr lse = q.initial_lse(row(v.qi)), some = lse > kSeen;
    out[0] = select(some, x.natural ? lse : lse * kLog2e, kNone), out[1] = select(some, 1.f, 0.f);
    for (int j = 0; j < x.blocking.columns; j++)
        out[2 + j] = x.start(v.qi, column(x, j), v.qb, v.h, v.b);
    return out;
}

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

void finish(Softmax &x, Ending &end, const std::string &name, const Queries &q) {
    const Dims &v = x.v;
    const Blocking &t = x.blocking;
    end.norm = Func(name + "norm"), end.out = Func(name + "out"), end.lse = Func(name + "lse");
    Place at = place(x, v.d);
    FuncRef state = end.state(v.qi, at.owner, v.qb, v.h, v.b);
    FuncRef own = end.state(v.qi, v.g, v.qb, v.h, v.b);
    std::vector<Expr> columns;
    for (int i = 0; i < t.columns; i++) columns.push_back(state[2 + i]);
    Expr none = 0.f;
    if (t.owned) {
        none = none + hold(x.query(v.qi, 0, v.qb, v.h, v.b));
        for (SourceFuncs &p : x.sources)
            for (size_t i = 0; i < p.source.row.size(); i++)
                none = none + hold(cast<float>(row_integer(x, p, i, v.qi)));
    }
    Expr row = v.qb * t.query_tile + v.qi;
    Expr top = own[0], sum = own[1], factor = 1.f;
    if (q.sink) {
        Expr logit = q.sink(min(row, q.count - 1));
        Expr sink = x.natural ? logit : logit * kLog2e, smaller = power(x, -abs(top - sink));
        factor = select(top >= sink, 1.f, smaller);
        sum = sum * factor + select(top >= sink, smaller, 1.f);
        top = max(top, sink);
    }
    Expr some = top > kSeen;
    if (q.valid) some = some && q.valid(row);
    // 1 / sum once a row: a division for each column was 2 % of a window of 256 keys.
    end.norm(v.qi, v.g, v.qb, v.h, v.b) = select(some && Expr(own[0]) > kSeen, factor / sum, 0.f);
    Expr norm = end.norm(v.qi, t.owned ? at.owner : Expr(0), v.qb, v.h, v.b);
    end.out(v.qi, v.d, v.qb, v.h, v.b) = select(norm > 0.f, mux(at.index, columns) * norm, none);
    if (t.transposed && divides(t.transposed, x.value_head))
        end.out_blocks = transposed(name + "out", t.transposed, {v.qb, v.h, v.b},
                                    [&](Expr i, Expr d) { return end.out(i, d, v.qb, v.h, v.b); });
    if (!x.natural) top = top * kLn2;
    Expr lse =
        t.by_columns() ? strict_float(top + Halide::Internal::halide_log(sum)) : top + log(sum);
    end.lse(v.qi, v.g, v.qb, v.h, v.b) = select(some, lse, -INFINITY);
}

// rest: block, head and batch element.
Expr element(const Func &f, Expr i, Expr j, const std::vector<Expr> &rest) {
    std::vector<Expr> index{i, j};
    index.insert(index.end(), rest.begin(), rest.end());
    return f(index);
}

Expr out_column(const Ending &end, Expr i, Expr d, const std::vector<Expr> &rest) {
    return end.out_blocks.width ? end.out_blocks.at(i, d, rest) : element(end.out, i, d, rest);
}

// Of the result, the part's result and the log-sum-exp, one behind the other.
Expr stage_column(Softmax &x, Expr i, Expr d, const std::vector<Expr> &rest, bool with_lse) {
    constexpr int kLseColumns = 16;  // a cache line
    const bool part = x.part.state.defined();
    x.lse_column = part ? simplify(2 * x.value_head) : x.value_head;
    x.columns = with_lse ? x.lse_column + kLseColumns : x.lse_column;
    auto column = [&](const Ending &end, Expr first) {
        return out_column(end, i, clamp(d - first, 0, x.value_head - 1), rest);
    };
    Expr out = column(x, 0);
    if (part) out = select(d < x.value_head, out, column(x.part, x.value_head));
    if (!with_lse) return out;
    return select(d < x.lse_column, out, element(part ? x.part.lse : x.lse, i, 0, rest));
}

// The result is an update over explicit tiles of rows: no division by the tile size anywhere, and a
// row may go to any place. Heads and batch elements are part of the update for the same reason.
void store(Softmax &x, const Build &build, const Queries &q, Expr columns, bool with_lse) {
    const Dims &v = x.v;
    const Blocking &t = x.blocking;
    const int threads = t.row_threads, n = t.query_tile;
    Expr blocks = (q.count + n - 1) / n, d = v.d;
    std::vector<Halide::Range> loops{{0, n / threads}, {0, threads}, {0, blocks}};
    std::vector<Halide::RVar *> rvars{&x.over_rows, &x.over_threads, &x.over_blocks};
    auto add = [&](const Expr &extent, Halide::RVar &rvar) {
        loops.push_back({0, extent}), rvars.push_back(&rvar);
    };
    // A stage whose result has a dimension of heads can be made for one of them.
    auto is_head = [&](const Expr &index) {
        auto variable = index.as<Halide::Internal::Variable>();
        return q.stage && variable && variable->name == v.h.name();
    };
    const std::vector<Expr> of_zero = q.place(0);
    const bool free_head = std::any_of(of_zero.begin(), of_zero.end(), is_head);
    // In the order that a schedule wants: Halide exchanges no loops that share an index.
    if (!free_head) add(q.heads, x.over_heads);
    add(q.batches, x.over_batches);
    // Innermost, as Halide moves no loop past one whose columns might be the same.
    if (q.column) loops.insert(loops.begin(), {0, x.value_head});
    RDom over(loops, "over_rows");
    const int first = q.column ? 1 : 0;
    if (q.column) x.column = over.x, d = over.x;
    for (size_t r = 0; r < rvars.size(); r++) *rvars[r] = over[first + int(r)];
    Expr head = v.h;
    if (!free_head) x.head_loop = x.over_heads, head = x.over_heads;
    auto here = [&](Expr e) {
        return substitute({{v.h.name(), head}, {v.b.name(), Expr(x.over_batches)}}, e);
    };
    Expr i = x.over_rows * threads + x.over_threads, block = x.over_blocks;
    Expr row = unsafe_promise_clamped(block * n + i, 0, q.count - 1);
    over.where(block * n + i < here(q.stored));
    if (t.padded_head) over.where(d < columns);
    std::vector<Expr> to{q.column ? here(q.column(d)) : d};
    std::vector<Var> any{v.d};
    for (const Expr &index : q.place(row)) {
        to.insert(to.begin() + 1, here(index));
        any.insert(any.begin() + 1, is_head(index) ? v.h : Var("to" + std::to_string(any.size())));
    }
    const std::vector<Expr> rest{block, head, Expr(x.over_batches)};
    Expr out =
        q.stage ? stage_column(x, i, d, rest, with_lse) : build.stored(out_column(x, i, d, rest));
    Expr unset = Halide::undef(out.type());
    if (q.stage || !with_lse) {
        x.result(any) = unset;
        x.result(to) = out;
        return;
    }
    Expr owner = t.owned ? place(x, d).owner : Expr(0);
    Expr lse = element(x.lse, i, owner, rest);
    x.result(any) = Tuple(unset, Halide::undef<float>());
    x.result(to) = Tuple(out, lse);
}

// The sources so far are the part; a second state goes on from theirs.
void begin_later(Softmax &x) {
    const Dims &v = x.v;
    x.part.state = x.state;
    x.state = Func("later_state");
    FuncRef old = x.part.state(v.qi, v.g, v.qb, v.h, v.b);
    std::vector<Expr> same;
    for (int i = 0; i < 2 + x.blocking.columns; i++) same.push_back(old[i]);
    x.state(v.qi, v.g, v.qb, v.h, v.b) = Tuple(same);
}

}  // namespace

Softmax blocked_softmax(const Build &build, const Attention &a, const Blocking &blocking,
                        bool with_lse) {
    Softmax x;
    x.v = build.v;
    x.blocking = blocking;
    Blocking &t = x.blocking;
    const Dims &v = x.v;
    const Variant &variant = build.variant;
    Expr D = a.head.defined() ? a.head : build.extent("D");
    Expr Dv =
        a.value_head.defined() ? a.value_head : build.extent(variant.has_extent("Dv") ? "Dv" : "D");
    x.head = t.padded_head ? Expr(t.padded_head) : D;
    x.head_terms = t.pairs ? simplify((x.head + 1) / 2) : x.head;
    x.value_head = t.padded_head ? Expr(t.padded_head) : Dv;
    t.tiles = t.tiles && divides(32, x.head) && divides(16, x.value_head);
    if (t.tiles) t.key_step = t.columns = t.run = 16;
    x.owners = simplify((x.value_head + t.columns - 1) / t.columns);
    for (const Source &s : a.sources)
        x.natural = x.natural || s.score || s.relative.load || s.given || s.product || s.addend;
    auto row_of = [&](Expr i) { return min(v.qb * t.query_tile + i, a.queries.count - 1); };
    Expr scale = x.natural ? a.queries.scale : a.queries.scale * kLog2e;
    // Columns past the head size: 0 in the padded Q and K of a GPU. V repeats the last column,
    // which nobody stores, there and on a CPU where columns do not divide Dv.
    auto padded = [&](const auto &load, Expr size) {
        return [=](Expr d, const Key &k) {
            return t.padded_head ? select(d < size, load(min(d, size - 1), k), 0.f) : load(d, k);
        };
    };
    auto query = padded(a.queries.load, D);
    if (t.pairs) x.scale = scale;  // of scores: Q as it is, so that it is not rounded again
    auto element = [&](Expr d, Expr i) {
        auto load = [&](Expr at) { return query(at, {row_of(i), {}}); };
        return t.pairs ? bf16_pair(load, d * 2, D) : load(d) * scale;
    };
    x.query_blocks = fill(x, x.query, x.head_terms, element);
    if (t.tiles) {
        Var two("two");
        x.query_halves(two, v.qi, v.d, v.qb, v.h, v.b) =
            bf16_of_pair(x.query(v.qi, v.d, v.qb, v.h, v.b), two);
    }
    x.state = Func("state");
    x.state(v.qi, v.g, v.qb, v.h, v.b) = Tuple(initial(x, a.queries, row_of, Dv));
    for (size_t i = 0; i < a.sources.size(); i++) {
        if (a.part > 0 && int(i) == a.part) begin_later(x);
        Source s = a.sources[i];
        auto loaded = s.value;
        s.key = padded(s.key, D);
        if (!divides(t.columns, x.value_head) || t.padded_head)
            s.value = [=](Expr d, const Key &k) { return loaded(min(d, Dv - 1), k); };
        // Of several that a source is made into all but one see no key.
        for (const Source &one : in_place_or_copied(s, t, a.queries.count))
            x.sources.push_back(blocked_source(x, one, a.queries.count, i == 0));
    }
    finish(x, x, "", a.queries);
    if (x.part.state.defined()) finish(x, x.part, "part_", a.queries);
    store(x, build, a.queries, Dv, with_lse);
    for (const Beside &b : a.beside) store_beside(x, build, b);
    return x;
}

}  // namespace attune
