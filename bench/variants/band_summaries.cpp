// A band of keys and R summary rows in one softmax: the cost of a second key source, beside a plain
// band. Not an operator of any paper; Transformer-LS and Poolingformer have this form.
#include <variant.h>

namespace {

using namespace attune;

Attention algorithm(Build &x) {
    Variant plain = dense();
    Attention a = plain.build(x);
    const Dims &v = x.v;
    Expr head = v.h / (x.extent("Hq") / x.extent("Hkv")), R = x.extent("R");
    auto row = [R](Expr j) { return unsafe_promise_clamped(j, 0, R - 1); };
    Source summaries;
    summaries.name = "summaries";
    summaries.first = 0;
    summaries.last = R;
    summaries.max_keys = R;
    summaries.key = [=, &x](Expr d, Expr j) { return x.load("ks", {v.b, row(j), head, d}); };
    summaries.value = [=, &x](Expr d, Expr j) { return x.load("vs", {v.b, row(j), head, d}); };
    a.sources.push_back(summaries);
    return a;
}

Cost work(Build &x) {
    Cost c = dense().cost(x);
    auto real = [](Expr e) { return cast<double>(e); };
    Expr more =
        real(x.extent("B")) * real(x.extent("Hq")) * real(x.extent("Lq")) * real(x.extent("R"));
    Expr width = real(x.extent("D") + x.extent("Dv"));
    c.pairs += more;
    c.flops += 2 * more * width;
    c.bytes += x.element_bytes() * real(x.extent("B")) * real(x.extent("Hkv")) *
               real(x.extent("R")) * width;
    return c;
}

}  // namespace

ATTUNE_VARIANT(band_summaries) {
    Variant v = dense("band_summaries");
    auto at = v.tensors.begin() + 3;
    Variant extra("", "", "");
    extra.input("ks", "B R Hkv D", "summary keys");
    extra.input("vs", "B R Hkv Dv", "summary values");
    v.tensors.insert(at, extra.tensors.begin(), extra.tensors.end());
    v.doc = "a band and R summary rows in one softmax";
    v.specials = {{"band", {{"softcap", 0}}, true, {"bias", "mask", "alibi"}},
                  {"generic", {}, false}};
    v.build = algorithm;
    v.cost = work;
    v.shape("window_8192_d64_r32",
            "B=1 Hq=8 Hkv=8 Lq=8192 Lk=8192 D=64 Dv=64 R=32 causal=1 left=255", "0213");
    return v;
}
