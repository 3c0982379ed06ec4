// LSRA, the attention of Lite Transformer. Its heads do not share their input: the first Ha D
// channels go through attention over the whole sequence, the other Hc R through a convolution with
// K taps whose filters are shared by the R channels of a group and made from the token itself.
//
//     ctx[t, h D + d]         = sum over j of softmax_j(q[t,h] . k[j,h] / sqrt(D)) v[j,h,d]
//     ctx[t, Ha D + g R + r]  = sum over taps i of softmax_i(wl[t,g]) u[t - P + i, g, r]
//
// The softmax of a filter is over all K taps: what falls outside the sequence is lost. lsra_core
// has whole sequences, lsra_core_step a run of tokens after n others, of which it gets the keys,
// the values and the last rows of u.
//
// Wu et al., "Lite Transformer with Long-Short Range Attention", ICLR 2020, arXiv 2004.11886; what
// happens at the edges as in the authors' code.
#include "math/exp2.h"
#include "variant.h"

namespace attune {

namespace {

void declare_inputs(Variant &v) {
    v.input("q", "T B Ha D", "queries of the attention, unscaled");
    v.input("k", "T B Ha D", "its keys");
    v.input("v", "T B Ha D", "its values");
    v.input("u", "T B Hc R", "input of the convolution");
    v.input("wl", "[T] [B] Hc taps", "filters before their softmax, of each token or of all");
}

void declare_rest(Variant &v) {
    v.output("ctx", "T B C", "results of the Ha heads, then of the Hc groups");
    v.integer("K", {}, 1, INT32_MAX, "taps of a filter");
    v.flag("softmax_taps", 1, "0: filters are used as they are");
    v.extent("C", Value("Ha") * "D" + Value("Hc") * "R");
    v.extent("taps", "K");
    v.heads = {"D"};
}

// Row t - P + i of u for tap i: rows before 0 are the last of the n in `buf`, if there is one.
Beside convolution(Build &x, Expr P, Expr n) {
    Var c("c"), g("g"), b("b"), t("t"), tap("tap");
    Expr K = x.attribute("K"), R = x.extent("R");
    Expr soft = x.attribute("softmax_taps") == 1;
    Halide::RDom all(0, K, "all_taps");
    Func logit("filter_logit"), top("filter_top"), weight("filter_weight");
    Func total("filter_total"), sum("filter_sum"), out("filtered");
    logit(tap, g, b, t) = x.load("wl", {t, b, g, tap});
    top(g, b, t) = -INFINITY;
    top(g, b, t) = max(top(g, b, t), logit(all, g, b, t));
    Expr l = logit(tap, g, b, t);
    weight(tap, g, b, t) = select(soft, exp2_nonpositive((l - top(g, b, t)) * kLog2e), l);
    total(g, b, t) = 0.f;
    total(g, b, t) += weight(all, g, b, t);
    Beside beside;
    sum(c, g, b, t) = 0.f;
    auto add = [&](const std::string &tensor, Expr rows, Expr first) {
        Halide::RDom i(0, K, tensor + "_taps");
        Func addend(tensor + "_row");
        Expr row = t - P + i - first;
        i.where(row >= 0 && row < rows && likely(c < R));
        addend(c, g, b, t) = x.load(tensor, {t, b, g, c});
        sum(c, g, b, t) += weight(i, g, b, t) * addend(c, g, b, row);
        beside.addends.push_back(addend);
    };
    if (n.defined()) add("buf", n, -n);
    add("u", x.extent("T"), 0);
    out(c, g, b, t) = sum(c, g, b, t) * select(soft, 1.f / total(g, b, t), 1.f);
    Expr first = x.extent("Ha") * x.extent("D");
    beside.value = out;
    beside.columns = R;
    beside.groups = x.extent("Hc");
    beside.column = [=](Expr c, Expr g) { return first + g * R + c; };
    beside.sum = sum;
    beside.terms = logit;
    beside.weights = {weight};
    beside.rows = {top, total};
    return beside;
}

Source keys(Build &x, const std::string &name, const std::string &key, const std::string &value) {
    const Dims &v = x.v;
    Source s;
    s.name = name;
    s.first = 0;
    s.strided = true;
    s.key = [=, &x](Expr d, Expr j) { return x.load(key, {j, v.b, v.h, d}); };
    s.value = [=, &x](Expr d, Expr j) { return x.load(value, {j, v.b, v.h, d}); };
    return s;
}

Queries queries(Build &x) {
    const Dims &v = x.v;
    Queries q;
    Expr D = x.extent("D");
    q.count = x.extent("T");
    q.heads = x.extent("Ha");
    q.batches = x.extent("B");
    q.scale = 1.f / sqrt(cast<float>(D));
    q.load = [=, &x](Expr d, Expr row) { return x.load("q", {row, v.b, v.h, d}); };
    q.column = [=](Expr d) { return v.h * D + d; };
    q.place = [=](Expr row) { return std::vector<Expr>{row, v.b}; };
    return q;
}

Attention sequence(Build &x) {
    const Dims &v = x.v;
    Expr T = x.extent("T"), causal = x.attribute("causal") == 1;
    const bool padded = x.may_have("pad");
    Source tokens = keys(x, "tokens", "k", "v");
    tokens.last = select(causal, x.block_last(T) + 1, T);
    tokens.max_keys = T;
    tokens.by_rows = true;
    tokens.row = {[=](Expr row) { return select(causal, row, T); }};
    tokens.admit = [=, &x](const std::vector<Expr> &last, Expr, Expr j) {
        Expr seen = j <= last[0];
        return padded ? seen && x.load("pad", {v.b, j}) == 0 : seen;
    };
    Attention a;
    a.queries = queries(x);
    a.sources = {tokens};
    a.beside = {convolution(x, x.attribute("P"), {})};
    return a;
}

Attention steps(Build &x) {
    Expr T = x.extent("T"), n = x.extent("n");
    Source cache = keys(x, "cache", "Kc", "Vc"), own = keys(x, "own", "k", "v");
    cache.last = cache.max_keys = n;
    own.last = x.block_last(T) + 1;
    own.max_keys = T;
    own.admit = [](const std::vector<Expr> &, Expr row, Expr j) { return j <= row; };
    Attention a;
    a.queries = queries(x);
    a.sources = {cache, own};
    a.beside = {convolution(x, x.attribute("K") - 1, x.extent("nb"))};
    return a;
}

Expr real(Expr e) { return cast<double>(e); }

// pairs: of a head, in all batch elements; old: rows of Kc and Vc; old_u: of buf.
Cost work(Build &x, Expr pairs, Expr P, Expr old, Expr old_u) {
    Expr T = real(x.extent("T")), B = real(x.extent("B")), K = real(x.attribute("K"));
    Expr Ca = real(x.extent("Ha")) * real(x.extent("D"));
    Expr Cc = real(x.extent("Hc")) * real(x.extent("R"));
    // Rows for which tap i is inside: those with 0 <= t - P + i < T, or only t - P + i >= -old_u.
    Halide::RDom i(0, x.attribute("K"), "tap");
    Func taps("taps");
    taps() = real(0);
    Expr first = max(real(P) - real(i) - old_u, 0), last = min(T, T + real(P) - real(i));
    taps() += max(last - first, real(0));
    taps.compute_root();
    Cost c;
    c.pairs = real(x.extent("Ha")) * pairs;
    c.flops = 4 * Ca * pairs + 2 * Cc * B * taps();
    Expr filters = select(x.repeats("wl"), real(1), T * B) * real(x.extent("Hc")) * K;
    Expr rows = B * (T * (4 * Ca + 2 * Cc) + old * 2 * Ca + old_u * Cc);
    c.bytes = x.element_bytes() * (rows + filters);
    return c;
}

Cost work_of_sequence(Build &x) {
    Expr T = x.extent("T");
    Halide::RDom j(0, T, 0, x.extent("B"), "key");
    Func pairs("pairs");
    pairs() = real(0);
    Expr rows = real(select(x.attribute("causal") == 1, T - j.x, T));
    pairs() += select(x.load("pad", {j.y, j.x}) == 0, rows, real(0));
    pairs.compute_root();
    return work(x, pairs(), x.attribute("P"), real(0), real(0));
}

Cost work_of_steps(Build &x) {
    Expr T = real(x.extent("T")), n = real(x.extent("n"));
    Expr pairs = real(x.extent("B")) * (T * n + T * (T + 1) / 2);
    return work(x, pairs, x.attribute("K") - 1, n, real(x.extent("nb")));
}

}  // namespace

ATTUNE_VARIANT(lsra_core) {
    Variant v("lsra_core", "attention and a light convolution, side by side",
              "Wu et al. 2020, arXiv 2004.11886");
    declare_inputs(v);
    v.input("pad", "B T", "1 = no query sees the key", Type::U8).optional(0);
    declare_rest(v);
    v.integer("P", {}, 0, INT32_MAX, "taps to the left of a token: K / 2, or K - 1 if causal");
    v.flag("causal", {}, "no key after the query; says nothing of the taps");
    v.require(Value("P") < "K", "P is less than K");
    v.specials = {{"unpadded", {}, true, {"pad"}, false}, {"any", {}, false, {}, false}};
    v.build = sequence;
    v.cost = work_of_sequence;
    v.shape("lsra_512", "T=2048 B=1 Ha=4 D=64 Hc=4 R=64 K=31 P=15 causal=0");
    v.shape("lsra_wikitext_3072", "T=3072 B=1 Ha=4 D=112 Hc=4 R=112 K=63 P=62 causal=1");
    return v;
}

ATTUNE_VARIANT(lsra_core_step) {
    Variant v("lsra_core_step", "lsra_core of tokens that follow others",
              "Wu et al. 2020, arXiv 2004.11886");
    declare_inputs(v);
    v.input("Kc", "n B Ha D", "keys of the n tokens before").unread();
    v.input("Vc", "n B Ha D", "their values").unread();
    v.input("buf", "nb B Hc R", "u of the last of them, oldest first").unread();
    declare_rest(v);
    v.integer("steps", {}, 0, INT32_MAX, "tokens");
    v.extent("T", "steps");
    v.extent("nb", min(Value("n"), Value("K") - 1));
    v.require(given("Kc") == given("Vc"), "Kc and Vc are given together");
    v.require(given("buf") || Value("nb") == 0, "buf has the last K - 1 rows of u");
    const std::map<std::string, int> one{{"T", 1}};
    v.specials = {{"decode", {}, true, {}, false, one},
                  {"decode_any", {}, false, {}, false, one},
                  {"any", {}, false, {}, false}};
    v.build = steps;
    v.cost = work_of_steps;
    v.shape("lsra_step_2560", "steps=1 B=6 Ha=4 D=64 Hc=4 R=64 K=31 n=2560 Kc Vc buf");
    return v;
}

}  // namespace attune
