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

// The regions of all lines that end (backward: begin) at each place, by token: the region of the
// places up to and with p is at p. What the last place would have, the whole line, no row reads:
// it has the empty region.
struct Regions {
    Lines lines;
    bool backward;
    Func key, value;
};

class Mixture {
public:
    Mixture(Build &x, const Parts &parts) : x(x), g(x), v(x.v), parts(parts) {}

    Attention make() {
        const Lines rows = g.rows(g.n);
        Attention a;
        a.queries = g.queries(rows);
        g.continue_from(columns(), rows, a.queries);
        Source own = direct("own", rows);
        if (parts.causal) {
            own.last = x.block_last(g.M) + 1;
            own.admit = [](const std::vector<Expr> &, Expr c, Expr j) { return j <= c; };
        }
        a.sources = {own};
        Expr r = rows.line;
        if (parts.above) add(a, rows, "up", regions("region_up", g.columns(), false), r - 1, r > 0);
        if (parts.above && !parts.causal)
            add(a, rows, "down", regions("region_down", g.columns(), true), r + 1, true);
        a.before = before;
        return a;
    }

private:
    Build &x;
    const Grid g;
    const Dims v;
    const Parts parts;
    std::vector<Func> before;

    // Keys that the tokens of a column share.
    Func columns() {
        const Lines columns = g.columns();
        Attention a;
        a.queries = g.stage_queries(columns);
        Source above = direct("above", columns);
        earlier(above);
        a.sources = {above};
        // Of the last row no causal query sees them.
        const Lines rows = g.rows(parts.causal ? max(g.n - 1, 0) : g.n);
        Expr c = columns.line, M = g.M;
        if (parts.beside) {
            add(a, columns, "left", regions("region_left", rows, false), c - 1, c > 0);
            add(a, columns, "right", regions("region_right", rows, true), c + 1, c < M - 1);
        }
        return x.stage(a, true);
    }

    Source direct(const std::string &name, const Lines &lines) const {
        Source s;
        s.name = name;
        s.first = 0;
        s.last = s.max_keys = lines.length;
        s.key = g.loader("k", lines);
        s.value = g.loader("v", lines);
        return s;
    }

    // Of the keys of a column, a causal query sees those before it.
    void earlier(Source &s) const {
        if (!parts.causal) return;
        s.last = x.block_last(g.n);
        s.admit = [](const std::vector<Expr> &, Expr r, Expr t) { return t < r; };
    }

    // The regions at `place` of the lines across: one a token of the query's line.
    void add(Attention &a, const Lines &lines, const std::string &name, const Regions &regions,
             Expr place, Expr some) const {
        const Lines across = regions.lines;
        // The empty region is that of the last place.
        if (!parts.causal) place = (place + across.length) % across.length;
        auto of = [=, g = g](const Func &f) {
            return [=](Expr d, const Key &j) {
                Expr batch = unsafe_promise_clamped(lines.batch, 0, g.B - 1);
                return f(d, g.token(across, j, place), g.v.h, batch);
            };
        };
        Source s = direct(name, lines);
        s.key = of(regions.key);
        s.value = of(regions.value);
        if (!lines.rows) earlier(s);
        if (parts.causal && lines.rows)
            s.admit = [](const std::vector<Expr> &, Expr c, Expr j) { return j != c; };
        if (parts.causal) s.last = select(some, s.last, 0);
        a.sources.push_back(s);
    }

    // Running maxima or sums along lines.
    Func running(const std::string &name, const std::string &input, const Lines &lines,
                 bool backward) {
        Func f(name + "_" + input);
        Var i("i");
        Expr length = lines.length;
        auto end = [=](Expr p) { return backward ? length - 1 - p : p; };
        Expr element = x.load(input, {v.b, i, v.h, v.d});
        if (!parts.causal) {
            Expr place = lines.rows ? i % g.M : i / g.M;
            element = select(place == end(length - 1), 0.f, element);
        }
        f(v.d, i, v.h, v.b) = element;
        Halide::RDom p(1, max(length - 2, 0), 0, lines.count, name + "_" + input + "_places");
        Expr from = g.token(lines, p.y, end(p.x - 1)), to = g.token(lines, p.y, end(p.x));
        Expr old = f(v.d, from, v.h, v.b), next = f(v.d, to, v.h, v.b);
        f(v.d, to, v.h, v.b) = select(x.attribute("cum") == 0, max(old, next), old + next);
        f.bound(i, 0, g.L).bound(v.d, 0, g.D);
        before.push_back(f);
        return f;
    }

    Regions regions(const std::string &name, const Lines &lines, bool backward) {
        Func query = running(name, "q", lines, backward);
        Regions out{lines, backward, running(name, "k", lines, backward), {}};
        // Causal queries need no empty region: the whole line's place is left out.
        Expr length = lines.length, count = parts.causal ? max(length - 1, 0) : length;
        Expr shift = backward && parts.causal ? 1 : 0;
        Attention a;
        a.queries = g.stage_queries(lines);
        a.queries.count = count;
        auto place = a.queries.place;
        a.queries.place = [=](Expr row) { return place(row + shift); };
        a.queries.load = [=, g = g](Expr d, Expr row) {
            return g.load(query, lines, d, row + shift);
        };
        Source s = direct(name, lines);
        if (backward)
            s.first = x.block_first() + shift;
        else
            s.last = x.block_last(count) + 1;
        s.admit = [=](const std::vector<Expr> &, Expr row, Expr j) {
            return backward ? j >= row + shift : j <= row;
        };
        a.sources = {s};
        out.value = x.stage(a, false);
        return out;
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
    const bool cpu = false;  // no kernels for GPUs
    v.specials = {{"any", {}, false, {}, cpu}};
    if (parts.above && parts.beside) v.specials.insert(v.specials.begin(), {"heads", {}});
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
