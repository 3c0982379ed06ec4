#include "family.h"

#include <algorithm>

namespace attune::tests {
namespace {

Tensor padding(const Config &c) {
    Tensor pad = poisoned(Dtype::u8, {c.B, c.Lq}, c.layout, c.guard);
    for (std::int64_t i = 0; i < pad.elements(); ++i)
        pad.set(i, i % c.Lq >= c.kv_len[static_cast<std::size_t>(i / c.Lq)] ? 1 : 0);
    return pad;
}

// Hq and D of the attention, Hkv groups of Dv channels of the convolution. lsra_core: kv_len of
// the Lq tokens are no padding; lsra_core_step: Lk tokens came before.
void inputs(Case &call, const Config &c, Engine &engine) {
    const auto taps = static_cast<std::int64_t>(call.number("K", 1));
    call.tensors["q"] = rows(c, engine, {c.Lq, c.B, c.Hq, c.D}, c.spread);
    call.tensors["k"] = rows(c, engine, {c.Lq, c.B, c.Hq, c.D}, 1);
    call.tensors["v"] = rows(c, engine, {c.Lq, c.B, c.Hq, c.D}, 1);
    call.tensors["u"] = rows(c, engine, {c.Lq, c.B, c.Hkv, c.Dv}, 1);
    // Filters without a softmax add up to about 1 too: the error rule is one of weighted means.
    const double spread = call.number("softmax_taps", 1) != 0 ? 1 : 1.0 / static_cast<double>(taps);
    call.tensors["wl"] = rows(c, engine, {c.one_filter ? 1 : c.Lq, c.B, c.Hkv, taps}, spread);
    if (c.one_filter) {
        Tensor &wl = call.tensors["wl"];
        wl.shape.erase(wl.shape.begin(), wl.shape.begin() + 2);
        wl.strides.erase(wl.strides.begin(), wl.strides.begin() + 2);
    }
    if (c.op == "lsra_core" && !c.kv_len.empty()) call.tensors["pad"] = padding(c);
    if (c.op == "lsra_core") return;
    call.attributes["steps"] = static_cast<double>(c.Lq);
    if (c.Lk == 0) return;
    call.tensors["Kc"] = rows(c, engine, {c.Lk, c.B, c.Hq, c.D}, 1);
    call.tensors["Vc"] = rows(c, engine, {c.Lk, c.B, c.Hq, c.D}, 1);
    const std::int64_t buffered = std::min(c.Lk, taps - 1);
    if (buffered) call.tensors["buf"] = rows(c, engine, {buffered, c.B, c.Hkv, c.Dv}, 1);
}

void randomise(Config &c, Engine &engine) {
    const int taps = pick(engine, 1, pick(engine, 0, 1) ? 9 : 70);
    c.attributes["K"] = static_cast<double>(taps);
    c.Dv = pick(engine, 0, 1) ? c.D : random_width(engine);
    c.one_filter = pick(engine, 0, 2) == 0;
    if (pick(engine, 0, 3) == 0) c.attributes["softmax_taps"] = 0.0;
    if (c.op == "lsra_core_step") {
        if (pick(engine, 0, 3) == 0) c.Lq = 1;
        c.Lk = pick(engine, 0, 3) ? pick(engine, 0, 1) ? random_length(engine) : 1100 : 0;
        return;
    }
    c.attributes["P"] = static_cast<double>(pick(engine, 0, taps - 1));
    c.attributes["causal"] = static_cast<double>(pick(engine, 0, 1));
    if (pick(engine, 0, 1)) c.kv_len = random_lengths(engine, c.B, c.Lq);
}

}  // namespace

const Family lsra_family = {{"lsra_core", "lsra_core_step"}, inputs, randomise};

}  // namespace attune::tests
