#include "family.h"

#include <algorithm>

namespace attune::tests {
namespace {

Tensor numbers(const Config &c, Engine &engine, const std::vector<std::int64_t> &shape,
               double centre, double spread) {
    Tensor tensor = poisoned(Dtype::f32, shape, c.layout, c.guard);
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
        tensor.set(i, centre + normal(engine, spread));
    return tensor;
}

// Of 16 bits, without a batch.
Tensor stored(const Config &c, Engine &engine, const std::vector<std::int64_t> &shape,
              double spread) {
    Tensor tensor = poisoned(c.dtype, shape, c.layout, c.guard);
    for (std::int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, normal(engine, spread));
    return tensor;
}

void add_norm(Case &call, const Config &c, Engine &engine, const std::string &gain,
              const std::string &bias) {
    call.tensors[gain] = numbers(c, engine, {c.Hq * c.D}, 1, 0.2);
    call.tensors[bias] = numbers(c, engine, {c.Hq * c.D}, 0, 0.2);
}

std::int64_t whole(const Case &call, const char *attribute) {
    return static_cast<std::int64_t>(call.number(attribute, 0));
}

// q, k, v, s and the two LayerNorms; the logits are of `tokens` rows.
void add_tokens(Case &call, const Config &c, Engine &engine, std::int64_t count,
                std::int64_t tokens, bool marks) {
    for (const char *name : {"q", "k", "v"})
        call.tensors[name] = rows(c, engine, {c.B, count, c.Hq, c.D}, *name == 'q' ? c.spread : 1);
    const std::int64_t ranks = whole(call, "r");
    if (ranks > 0) call.tensors["s"] = numbers(c, engine, {c.B, tokens, c.Hq, ranks}, 0, 2);
    add_norm(call, c, engine, "gT", "bT");
    if (marks) add_norm(call, c, engine, "gL", "bL");
}

void bidirectional(Case &call, const Config &c, Engine &engine) {
    add_tokens(call, c, engine, c.Lq, c.Lq, whole(call, "r") > 0 || c.cls);
    // Padding at the end, and a hole here and there.
    Tensor keep = poisoned(Dtype::u8, {c.B, c.Lq}, Layout::blhd, c.guard);
    for (std::int64_t i = 0; i < keep.elements(); ++i) {
        const std::int64_t n = i % c.Lq, b = i / c.Lq;
        const bool hole = !c.kv_len.empty() &&
                          (n >= c.kv_len[static_cast<std::size_t>(b)] || pick(engine, 0, 9) == 0);
        keep.set(i, n == 0 || !hole ? 1 : 0);
    }
    call.tensors["keep"] = keep;
    if (!c.cls) return;
    for (const char *name : {"qc", "kc", "vc"})
        call.tensors[name] = stored(c, engine, {c.B, c.Hq, c.D}, 1);
}

void image(Case &call, const Config &c, Engine &engine) {
    const std::int64_t tokens = whole(call, "nx") * whole(call, "nx"), w = whole(call, "w");
    add_tokens(call, c, engine, whole(call, "G") + tokens, tokens, whole(call, "r") > 0);
    if (w < 2 || c.cls) return;
    const std::int64_t half = w / 2, places = 2 * (w + half - 1) * (2 * half + w + 1) + 1;
    call.tensors["tab"] = numbers(c, engine, {places, c.Hq}, 0, 1);
}

void causal(Case &call, const Config &c, Engine &engine) {
    const std::int64_t taps = whole(call, "W"), ranks = whole(call, "r"), chunk = whole(call, "S");
    const std::int64_t cached = c.Lk * ranks, all = cached + (c.Lq + chunk - 1) / chunk * ranks;
    call.tensors["q"] = rows(c, engine, {c.B, c.Lq, c.Hq, c.D}, c.spread);
    for (const char *name : {"kw", "vw"})
        call.tensors[name] = rows(c, engine, {c.B, taps + c.Lq, c.Hq, c.D}, 1);
    for (const char *name : {"kcache", "vcache"})
        call.tensors[name] = rows(c, engine, {c.B, cached, c.Hq, c.D}, 1);
    call.tensors["s"] = numbers(c, engine, {c.B, c.Lq, c.Hq, ranks}, 0, 2);
    call.tensors["Rw"] = stored(c, engine, {taps, c.Hq, c.D}, 0.3);
    call.tensors["Rc"] = stored(c, engine, {all, c.Hq, c.D}, 0.3);
    for (const char *name : {"uw", "ur"})
        call.tensors[name] = numbers(c, engine, {c.Hq, c.D}, 0, 0.3);
    add_norm(call, c, engine, "gW", "bW");
    add_norm(call, c, engine, "gP", "bP");
    if (c.op == "tls_causal_step") call.attributes["steps"] = static_cast<double>(c.Lq);
}

void inputs(Case &call, const Config &c, Engine &engine) {
    if (c.op == "tls_bidir") return bidirectional(call, c, engine);
    if (c.op == "tls_image2d") return image(call, c, engine);
    causal(call, c, engine);
}

void randomise_causal(Config &c, Engine &engine) {
    const int chunk = pick(engine, 1, pick(engine, 0, 1) ? 20 : 70);
    c.attributes["S"] = static_cast<double>(chunk);
    c.attributes["r"] = static_cast<double>(pick(engine, 1, 4));
    c.attributes["W"] = static_cast<double>(pick(engine, 1, pick(engine, 0, 1) ? 30 : 300));
    c.Lk = pick(engine, 0, 12);
    if (c.op == "tls_causal") c.Lq = chunk * pick(engine, 1, std::max(1, 200 / chunk));
}

void randomise_image(Config &c, Engine &engine) {
    const int w = pick(engine, 0, 9);
    const int r = pick(engine, 0, 2) == 0 ? 0 : pick(engine, 1, 20);
    const int sides = w == 0 ? pick(engine, 1, 16) : w * pick(engine, 1, std::max(1, 16 / w));
    c.attributes["nx"] = static_cast<double>(sides);
    c.attributes["w"] = static_cast<double>(w);
    c.attributes["r"] = static_cast<double>(r);
    c.attributes["G"] = static_cast<double>(w + r == 0 ? 1 : pick(engine, 0, 1));
    c.cls = pick(engine, 0, 3) == 0;
}

void randomise(Config &c, Engine &engine) {
    if (c.op == "tls_bidir") {
        const int w = pick(engine, 0, 3) == 0 ? pick(engine, 0, 2) : pick(engine, 3, 40);
        c.cls = pick(engine, 0, 2) == 0;
        const int r = pick(engine, 0, 2) == 0 ? 0 : pick(engine, 1, 40);
        c.Lq = w == 0 ? pick(engine, 1, 200) : w * pick(engine, 1, std::max(1, 250 / w));
        c.attributes["w"] = static_cast<double>(w);
        c.attributes["r"] = static_cast<double>(w + r == 0 && !c.cls ? 1 : r);
        c.kv_len = random_lengths(engine, c.B, c.Lq);
        c.Lk = c.Lq;
    } else if (c.op == "tls_image2d") {
        randomise_image(c, engine);
    } else {
        randomise_causal(c, engine);
    }
    c.Hkv = c.Hq, c.Dv = c.D;
}

}  // namespace

const Family tls_family = {{"tls_bidir", "tls_image2d", "tls_causal", "tls_causal_step"},
                           inputs,
                           randomise};

}  // namespace attune::tests
