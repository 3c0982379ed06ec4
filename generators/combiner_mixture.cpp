// Combiner-Mixture and its halves, Combiner-Axial vertical and horizontal: token (r, c) sees its
// row and its column directly and what else came before through regions, in one joint softmax.
//
//     U(r, j)    column j above row r         LFT(t, c)  row t left of column c
//     DN(r, j)   column j below row r         RGT(t, c)  row t right of column c
//     region P   KP = max or sum over p in P of k[p],  QP likewise of scale q[p]
//                VP = sum over p in P of softmax_p(QP . k[p]) v[p]
//     causal     (r, c) sees tokens (t, c), t < r, and (r, j), j <= c; U(r, j), j != c, if r > 0;
//                LFT(t, c) and RGT(t, c), t < r, that are not empty
//     both       its whole row and its whole column, itself twice; U, DN(r, j) for all j; LFT,
//                RGT(t, c) for all t. An empty region has key 0 and the mean of v over its line
//
// KP and QP are running maxima or sums along lines; the regions of a line are one causal attention
// inside it, with the QP as queries. The joint softmax has keys that a column shares, which make
// the state that it starts with, and keys that a row shares. Ren et al., "Combiner: Full Attention
// Transformer with Sparse Computation Cost", NeurIPS 2021, arXiv 2107.05768, sections 4.2 and 4.3;
// one softmax and overlapping regions as in the authors' code.
#include "grid.h"

namespace attune {

namespace {

struct Parts {
    bool causal;
    bool above;   // regions U and DN
    bool beside;  // regions LFT and RGT
};

// The regions of all lines that end at each place, by token: the region of the places up to and
// with p is at p. What the last place would have, the whole line, no row reads: it has the empty
// region. Those of side 1, L tokens further, begin at a place: the same of reversed lines.
struct Regions {
    Func key, value;
};

class Mixture {
public:
    Mixture(Build &x, const Parts &parts) : x(x), g(x), v(x.v), parts(parts) {}

    Attention make() {
        const Lines rows = g.rows(g.n);
        Attention a;
        a.queries = g.queries(rows);
        g.continue_from(x.stage(
                            "columns", [&] { return columns(); }, true),
                        rows, a.queries);
        Source own = g.tokens("own", rows);
        if (parts.causal) {
            own.last = x.block_last(g.M) + 1;
            own.admit = [](const std::vector<Expr> &, Expr c, Expr j) { return j <= c; };
        }
        a.sources = {own};
        if (parts.above) a.sources.push_back(parts_of_columns(rows));
        a.before = before;
        a.by_head = true;
        return a;
    }

private:
    Build &x;
    const Grid g;
    const Dims v;
    const Parts parts;
    std::vector<Func> before;

    // Keys that the tokens of a column share.
    Attention columns() {
        const Lines columns = g.columns();
        Attention a;
        a.queries = g.stage_queries(columns);
        Source above = g.tokens("above", columns);
        if (parts.causal) {
            above.last = x.block_last(g.n);
            above.admit = [](const std::vector<Expr> &, Expr r, Expr t) { return t < r; };
        }
        a.sources = {above};
        if (parts.beside) a.sources.push_back(parts_of_rows(columns));
        return a;
    }

    // Of each row t the parts left and right of the column, as keys 2 t and 2 t + 1. At the border
    // a causal query has one of them, key t.
    Source parts_of_rows(const Lines &columns) {
        // Of the last row no causal query sees them.
        const Regions r = regions("region_rows", g.rows(parts.causal ? max(g.n - 1, 0) : g.n), 2);
        Expr c = columns.line, each = 2, left = c - 1, right = c + 1;
        if (parts.causal)
            each = cast<int>(c > 0) + cast<int>(c < g.M - 1);
        else
            left = (c + g.M - 1) % g.M, right = right % g.M;
        auto index = [=, M = g.M, L = g.L](Expr j) {
            Expr t = select(each == 2, j >> 1, j);
            Expr side = select(each == 2, j & 1, cast<int>(c == 0));
            return t * M + left + side * (L + right - left);
        };
        Source s = by_region("beside", columns, r, index);
        s.last = s.apart = g.n * each;
        s.max_keys = g.n * 2;
        if (parts.causal) {
            s.last = x.block_last(g.n) * each;
            s.row = {[=](Expr r) { return r * each; }};
            s.admit = [](const std::vector<Expr> &end, Expr, Expr j) { return j < end[0]; };
        }
        return s;
    }

    // The parts of each column above the row and, after them, below it.
    Source parts_of_columns(const Lines &rows) {
        const int sides = parts.causal ? 1 : 2;
        const Regions of = regions("region_columns", g.columns(), sides);
        Expr r = rows.line, M = g.M, above = (r - 1) * M, jump = 0;
        if (!parts.causal) {
            above = (r + g.n - 1) % g.n * M;
            jump = g.L - M + (r + 1) % g.n * M - above;
        }
        auto index = [=](Expr j) { return above + j + cast<int>(j >= M) * jump; };
        Source s = by_region("across", rows, of, index);
        s.last = s.max_keys = sides * M;
        if (parts.causal) {
            s.last = select(r > 0, M, 0);
            s.admit = [](const std::vector<Expr> &, Expr c, Expr j) { return j != c; };
        }
        return s;
    }

    Source by_region(const std::string &name, const Lines &lines, const Regions &regions,
                     const std::function<Expr(Expr)> &index) const {
        auto of = [=, g = g](const Func &f) {
            return [=](Expr d, const Key &j) {
                Expr batch = unsafe_promise_clamped(lines.batch, 0, g.B - 1);
                return Expr(f(d, unsafe_promise_clamped(index(j), 0, 2 * g.L - 1), g.v.h, batch));
            };
        };
        Source s = g.tokens(name, lines);
        s.key = of(regions.key);
        s.value = of(regions.value);
        return s;
    }

    // The region that ends at a place: one element longer than that of the place before.
    Expr region(Expr last, Expr element, Expr place, Expr length) const {
        Expr longer = select(x.attribute("cum") == 0, max(last, element), last + element);
        Expr made = either(place == 0, element, longer);
        return parts.causal ? made : either(place == length - 1, 0.f, made);
    }

    // Place p of a line, counted from its side. A start and a step, not a choice for each key.
    static Expr from_side(Expr p, Expr length, Expr side, int sides) {
        if (sides == 1) return p;
        return select(side == 1, length - 1, 0) + p * select(side == 1, -1, 1);
    }

    // Where the region of a place lies in Funcs of all lines.
    Expr at(const Lines &lines, Expr line, Expr place, Expr side, int sides) const {
        return unsafe_promise_clamped(g.token(lines, line, place) + side * g.L, 0, sides * g.L - 1);
    }

    // Running maxima or sums of the keys along lines.
    Func keys(const std::string &name, const Lines &lines, int sides) {
        Func f(name + "_k");
        Var i("i");
        Expr length = lines.length;
        // Once over the tokens: as a copy, on which the sums ran, it was 4 % of a causal call more.
        const Halide::Range places(0, parts.causal ? max(length - 1, 1) : length);
        const Halide::Range all(0, lines.count), both(0, sides);
        std::vector<Halide::Range> loops{places, all, both};
        if (!lines.rows) std::swap(loops[0], loops[1]);  // neighbours in memory innermost
        Halide::RDom p(loops, name + "_k_places");
        Expr here = p[lines.rows ? 0 : 1], line = p[lines.rows ? 1 : 0], side = p[2];
        auto place = [&](Expr p) { return from_side(p, length, side, sides); };
        auto slot = [&](Expr p) { return at(lines, line, place(p), side, sides); };
        Expr element = x.load("k", {v.b, g.token(lines, line, place(here)), v.h, v.d});
        f(v.d, i, v.h, v.b) = Halide::undef<float>();
        Expr last = f(v.d, slot(max(here - 1, 0)), v.h, v.b);
        f(v.d, slot(here), v.h, v.b) = region(last, element, here, length);
        f.bound(i, 0, sides * g.L).bound(v.d, 0, g.D);
        before.push_back(f);
        return f;
    }

    Regions regions(const std::string &name, const Lines &lines, int sides) {
        Regions out{keys(name, lines, sides), {}};
        auto make = [&] { return inside(name, lines, sides); };
        out.value = x.stage(name, make, false).columns;
        return out;
    }

    // One causal attention inside each line of each side.
    Attention inside(const std::string &name, Lines lines, int sides) {
        // Causal queries need no empty region: the whole line's place is left out.
        Expr length = lines.length, count = parts.causal ? max(length - 1, 0) : length;
        Expr side = v.b % sides;
        lines.line = v.b / sides % lines.count;
        lines.batch = v.b / (lines.count * sides);
        auto place = [=](Expr p) { return from_side(p, length, side, sides); };
        auto element = [=, g = g](const char *input) {
            return [=](Expr d, const Key &j) { return g.load(input, lines, d, place(j)); };
        };
        // The queries of a line are made with it: as one Func of a head they were 1 MB.
        Func query(name + "_q");
        Var i("i");
        Halide::RDom p(0, count, name + "_q_places");
        query(v.d, i, v.h, v.b) = Halide::undef<float>();
        Expr last = query(v.d, max(p - 1, 0), v.h, v.b);
        query(v.d, p, v.h, v.b) = region(last, element("q")(v.d, Expr(p)), p, length);
        query.bound(v.d, 0, g.D).bound(i, 0, count);
        Attention a;
        a.before_line = {query};
        a.queries = g.queries(lines);
        a.queries.count = count;
        a.queries.batches = g.B * lines.count * sides;
        a.queries.place = [=, *this](Expr p) {
            Expr batch = unsafe_promise_clamped(lines.batch, 0, g.B - 1);
            return std::vector<Expr>{batch, v.h, at(lines, lines.line, place(p), side, sides)};
        };
        a.queries.load = [=, v = v](Expr d, Expr p) {
            return query(d, unsafe_promise_clamped(p, 0, max(count - 1, 0)), v.h, v.b);
        };
        Source s = g.tokens(name, lines);
        s.key = element("k");
        s.value = element("v");
        s.last = x.block_last(count) + 1;
        s.admit = [](const std::vector<Expr> &, Expr p, Expr j) { return j <= p; };
        a.sources = {s};
        return a;
    }
};

// Pairs of the joint softmax and of the regions' own.
Cost work(Build &x, const Parts &parts) {
    const GridSizes s(x);
    Expr M = s.M, n = s.n, pairs = n * M * (M + 1) / 2 + M * n * (n - 1) / 2;
    if (!parts.causal) {
        pairs = 3 * s.L * (M + n) + M * n * (n - 1) + n * M * (M - 1);
    } else {
        if (parts.above) pairs += (n - 1) * M * (M - 1) + M * n * (n - 1) / 2;
        if (parts.beside) pairs += (M - 1) * n * (n - 1) + (n - 1) * M * (M - 1);
    }
    Cost c;
    c.pairs = s.heads * pairs;
    c.flops = 4 * s.D * c.pairs;
    c.bytes = 4 * x.element_bytes() * s.heads * s.L * s.D;
    return c;
}

Variant mixture(const std::string &name, const std::string &doc, const Parts &parts) {
    Variant v(name, doc, "Ren et al. 2021, arXiv 2107.05768, sections 4.2 and 4.3");
    declare_grid(v);
    v.choice("cum", {"max", "sum"}, parts.causal ? 0 : 1, "over the tokens of a region");
    // Kernels for one head size are 5 % faster, and as large.
    const bool cpu = false;  // no kernels for GPUs
    v.specials = {{"d64", {}, false, {}, cpu, {{"D", 64}}}, {"any", {}, false, {}, cpu}};
    v.build = [=](Build &x) { return Mixture(x, parts).make(); };
    v.cost = [=](Build &x) { return work(x, parts); };
    return v;
}

}  // namespace

ATTUNE_VARIANT(combiner_mixture_causal) {
    Variant v = mixture("combiner_mixture_causal", "earlier tokens of row and column, and regions",
                        {true, true, true});
    v.shape("combiner_mixture_2048", "B=1 L=2048 H=12 D=64 M=128", "0213");
    return v;
}

ATTUNE_VARIANT(combiner_mixture_bidir) {
    Variant v = mixture("combiner_mixture_bidir", "all tokens of row and column, and regions",
                        {false, true, true});
    v.shape("combiner_mixture_bidir_2048", "B=1 L=2048 H=12 D=64 M=128", "0213");
    return v;
}

ATTUNE_VARIANT(combiner_axial_vertical) {
    return mixture("combiner_axial_vertical",
                   "earlier tokens of row and column, and parts of columns", {true, true, false});
}

ATTUNE_VARIANT(combiner_axial_horizontal) {
    return mixture("combiner_axial_horizontal",
                   "earlier tokens of row and column, and parts of rows", {true, false, true});
}

}  // namespace attune
