// Combiner-Axial, row-major: token (r, c) sees its row directly, and of each (earlier) row t one
// summary, that of its own column c, in one joint softmax.
//
//     RV(r, c)   ordinary attention of (r, c) inside its row, never masked
//     GK(r, c)   k(r, c); wsum: RK, the same attention with the keys as values; proj, wsum_proj:
//                W2 LayerNorm(x + b1 + W1 G) + b2 for G = RV or RK, which mixes all heads of a
//                token
//     causal     (r, c) sees tokens (r, j), j <= c, and summaries (GK, RV)(t, c), t < r
//     both       (r, c) sees its whole row and all n summaries of its column
//
// Attention inside rows over what a token sees there is what two softmaxes start with: the rest of
// the row makes a summary of it, summaries make the joint softmax, inside columns. Ren et al.,
// "Combiner: Full Attention Transformer with Sparse Computation Cost", NeurIPS 2021, arXiv
// 2107.05768, section 4.2; keys of summaries as in the authors' code.
#include "grid.h"

namespace attune {

namespace {

void declare(Variant &v) {
    declare_grid(v);
    v.flag("causal", {}, "only earlier tokens and rows");
    v.choice("summary", {"none", "wsum", "proj", "wsum_proj"}, 0, "key of a summary");
    v.number("eps", 1e-6, 0, INFINITY, "added to the variance of the LayerNorm");
    v.input("x", "B L E", "what q, k and v were made of").unread();
    v.input("W1", "H D E", "first map of a projected key", Type::F32).unread();
    v.input("b1", "E", "its bias", Type::F32).optional(0);
    v.input("gamma", "E", "scale of the LayerNorm", Type::F32).unread();
    v.input("beta", "E", "shift of the LayerNorm", Type::F32).unread();
    v.input("W2", "E H D", "second map of a projected key", Type::F32).unread();
    v.input("b2", "H D", "its bias", Type::F32).optional(0);
    const Value projects = Value("summary") >= 2;
    for (const char *name : {"x", "W1", "gamma", "beta", "W2"})
        v.require(given(name) == projects,
                  std::string(name) + " is given exactly if summary is proj or wsum_proj");
    v.require(given("b1") == given("b2"), "b1 and b2 are given both or neither");
    v.require(projects || !given("b1"), "b1 and b2 are given only if summary projects");
    const bool cpu = false;  // no kernels for GPUs
    v.specials = {{"keys", {{"summary", 0}}},
                  {"keys_any", {{"summary", 0}}, false, {}, cpu},
                  {"wsum", {{"summary", 1}}, false, {}, cpu},
                  {"proj", {{"summary", 2}}, false, {}, cpu},
                  {"wsum_proj", {{"summary", 3}}, false, {}, cpu}};
}

// Attention inside rows, with keys or values as the values.
class InsideRows {
public:
    explicit InsideRows(const Grid &g)
        : g(g), M(g.M), causal(g.x.attribute("causal") == 1), lines(g.rows(g.n)) {}

    // Of the whole row; its part is what the query sees itself, so that no score is made twice.
    StageResult values() const {
        auto make = [&] {
            Source own = g.tokens("own", lines), later = g.tokens("later", lines);
            own.last = select(causal, g.x.block_last(M) + 1, M);
            own.beyond = g.L - lines.line * M;
            own.row = {[M = M, causal = causal](Expr c) { return select(causal, c + 1, M); }};
            own.admit = [](const std::vector<Expr> &end, Expr, Expr j) { return j < end[0]; };
            own.by_rows = later.by_rows = true;
            later.first = select(causal, g.x.block_first() + 1, M);
            later.admit = [](const std::vector<Expr> &, Expr c, Expr j) { return j > c; };
            return of({own, later}, 1);
        };
        return g.x.stage("rows", make, true);
    }

    Func keys() const {
        auto make = [&] { return of({g.tokens("keys", lines, "k")}); };
        return g.x.stage("row_keys", make, false).columns;
    }

private:
    const Grid &g;
    const Expr M, causal;
    const Lines lines;

    Attention of(const std::vector<Source> &sources, int part = 0) const {
        Attention a;
        a.queries = g.stage_queries(lines);
        a.sources = sources;
        a.part = part;
        return a;
    }
};

// The projected keys by column of a head, column and row of the grid, head and batch element.
// Products are of v.qi: so their schedule takes several tokens at a time.
Func projected(const Grid &g, const Func &summary, std::vector<Func> &before) {
    Build &x = g.x;
    const Dims &v = g.v;
    Expr E = x.extent("E"), H = x.extent("H");
    Var r("r");
    auto token = [&](Expr r) { return unsafe_promise_clamped(r * g.M + v.qi, 0, g.L - 1); };
    Halide::RDom heads(0, g.D, 0, H, "over_heads_of_token"), e(0, E, "over_width");
    Func first("projected_first"), mean("projected_mean"), spread("projected_variance");
    Func norm("projected_norm"), second("projected_key");
    first(v.d, v.qi, v.h, v.b) = x.load("x", {v.b, token(v.h), v.d}) + x.load("b1", {v.d});
    first(v.d, v.qi, v.h, v.b) +=
        summary(heads.x, token(v.h), heads.y, v.b) * x.load("W1", {heads.y, heads.x, v.d});
    Expr count = cast<float>(E);
    mean(v.qi, v.h, v.b) = 0.f;
    mean(v.qi, v.h, v.b) += first(e, v.qi, v.h, v.b) / count;
    Expr difference = first(e, v.qi, v.h, v.b) - mean(v.qi, v.h, v.b);
    spread(v.qi, v.h, v.b) = 0.f;
    spread(v.qi, v.h, v.b) += difference * difference / count;
    Expr scale = 1.f / sqrt(spread(v.qi, v.h, v.b) + x.attribute("eps"));
    norm(v.d, v.qi, v.h, v.b) =
        (first(v.d, v.qi, v.h, v.b) - mean(v.qi, v.h, v.b)) * scale * x.load("gamma", {v.d}) +
        x.load("beta", {v.d});
    second(v.d, v.qi, r, v.h, v.b) = x.load("b2", {v.h, v.d});
    second(v.d, v.qi, r, v.h, v.b) += norm(e, v.qi, r, v.b) * x.load("W2", {e, v.h, v.d});
    before.insert(before.end(), {first, mean, spread, norm, second});
    return second;
}

// Attention inside columns over the summaries, which continues that inside rows.
Attention inside_columns(const Grid &g, const StageResult &rows, const Func &summary_key,
                         bool projects) {
    const Lines columns = g.columns();
    Expr causal = g.x.attribute("causal") == 1, n = g.n;
    Attention a;
    a.queries = g.queries(columns);
    g.continue_from(rows, columns, a.queries);
    Source s = g.tokens("summaries", columns);
    s.last = select(causal, g.x.block_last(n), n);
    if (summary_key.defined())
        s.key = [=](Expr d, const Key &t) {
            if (!projects) return g.load(summary_key, columns, d, t);
            Expr r = unsafe_promise_clamped(t, 0, g.n - 1);
            Expr c = unsafe_promise_clamped(columns.line, 0, g.M - 1);
            Expr b = unsafe_promise_clamped(columns.batch, 0, g.B - 1);
            return Expr(summary_key(d, c, r, g.v.h, b));
        };
    s.value = [=](Expr d, const Key &t) { return g.load(rows.columns, columns, d, t); };
    s.row = {[=](Expr r) { return select(causal, r, n); }};
    s.admit = [](const std::vector<Expr> &end, Expr, Expr t) { return t < end[0]; };
    a.sources = {s};
    return a;
}

Attention algorithm(Build &x) {
    const Grid g(x);
    const bool wsum = x.is("summary", 1) || x.is("summary", 3);
    const bool projects = x.is("summary", 2) || x.is("summary", 3);
    const InsideRows rows(g);
    const StageResult values = rows.values();
    Func key;
    std::vector<Func> before;
    if (wsum) key = rows.keys();
    if (projects) key = projected(g, wsum ? key : values.columns, before);
    Attention a = inside_columns(g, values, key, projects);
    a.before = before;
    a.by_head = !projects;
    return a;
}

// The joint softmax and attention inside rows, which share the scores of a row.
Cost work(Build &x) {
    const GridSizes s(x);
    Expr causal = x.attribute("causal") == 1, L = s.L, M = s.M, n = s.n, D = s.D;
    Expr direct = select(causal, n * M * (M + 1) / 2, L * M);
    Expr joint = direct + select(causal, M * n * (n - 1) / 2, L * n);
    Expr summary = x.attribute("summary"), wsum = summary == 1 || summary == 3;
    Expr E = cast<double>(x.extent("E")), batches = cast<double>(x.extent("B"));
    Expr width = s.heads / batches * D;
    Cost c;
    c.pairs = s.heads * (joint + L * M);
    c.flops = 4 * D * c.pairs - 2 * D * s.heads * (direct - select(wsum, L * M, 0));
    c.flops += select(summary >= 2, batches * L * E * (4 * width + 8), 0);
    c.bytes = 4 * x.element_bytes() * s.heads * L * D;
    c.bytes +=
        select(summary >= 2, x.element_bytes() * batches * L * E + 4 * (2 * E * width + 2 * E), 0);
    return c;
}

}  // namespace

ATTUNE_VARIANT(combiner_axial_rowmajor) {
    Variant v("combiner_axial_rowmajor", "own row and one summary of each row, by column",
              "Ren et al. 2021, arXiv 2107.05768, section 4.2");
    declare(v);
    v.build = algorithm;
    v.cost = work;
    v.shape("combiner_rowmajor_2048", "B=1 L=2048 H=12 D=64 M=128 causal=1", "0213");
    return v;
}

}  // namespace attune
