// Joins the parts of split-KV attention, of shared prefixes, or of a ring of devices:
//
//     w_s = exp(lse_part_s - M)   with M the largest, sink included
//     o = sum_s w_s o_part_s / z,  lse = M + ln z,  z = sum_s w_s + exp(sink - M)
//
// Dao et al., "Flash-Decoding", 2023; FlashInfer's merge_states. Nothing but -inf: 0 and -inf.
#include "dense_family.h"
#include "math/exp2.h"

namespace attune {

namespace {

void declare(Variant &v) {
    v.input("o_part", "S B Lq Hq Dv", "normalised results of the parts", Type::F32);
    v.input("lse_part", "S B Hq Lq", "their log-sum-exp", Type::F32);
    declare_sink(v);
    v.output("o", "B Lq Hq Dv", "result");
    v.output("lse", "B Hq Lq", "natural logarithm of the sum of exponentials", Type::F32)
        .optional();
    v.heads = {"Dv"};
    v.specials = {{"any", {}, false, {}, false}};
}

Direct algorithm(Build &x) {
    Var d("d"), h("h"), i("i"), b("b");
    Halide::RDom s(0, x.extent("S"), "s");
    Func top("top"), sum("sum"), total("total"), out("merged");
    Expr lse = x.load("lse_part", {s, b, h, i}), sink = x.load("sink", {h});
    // exp2_nonpositive stops at 2^-126: what is absent counts 0 exactly.
    auto weight = [](Expr logit, Expr top) {
        Expr w = exp2_nonpositive((logit - max(top, kNone)) * kLog2e);
        return select(logit > kNone, w, 0.f);
    };
    top(h, i, b) = sink;
    top(h, i, b) = max(top(h, i, b), lse);
    total(h, i, b) = weight(sink, top(h, i, b));
    total(h, i, b) += weight(lse, top(h, i, b));
    sum(d, h, i, b) = 0.f;
    Expr part = weight(lse, top(h, i, b)) * x.load("o_part", {s, b, i, h, d});
    sum(d, h, i, b) += select(lse > kNone, part, 0.f);
    Expr m = top(h, i, b), z = total(h, i, b), some = m > kNone;
    Expr o = select(some, sum(d, h, i, b) / z, 0.f);
    out(d, h, i, b) = Halide::Tuple(x.stored(o), select(some, m + log(z), -INFINITY));
    return {out, {top, total}, {sum}};
}

Cost work(Build &x) {
    auto real = [&](const char *symbol) { return cast<double>(x.extent(symbol)); };
    Expr rows = real("B") * real("Lq") * real("Hq"), S = real("S"), Dv = real("Dv");
    Cost c;
    c.pairs = rows * S;
    c.flops = 2 * c.pairs * Dv;
    c.bytes = rows * (4 * S * (Dv + 1) + x.element_bytes() * Dv + 4);
    return c;
}

}  // namespace

ATTUNE_VARIANT(dense_merge) {
    Variant v("dense_merge", "joins the parts of split-KV attention",
              "Dao et al. 2023, Flash-Decoding; FlashInfer, merge_states");
    declare(v);
    v.direct = algorithm;
    v.cost = work;
    v.shape("merge_8_h32_d128", "S=8 B=1 Lq=1 Hq=32 Dv=128");
    return v;
}

}  // namespace attune
