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

void inputs(Case &call, const Config &c, Engine &engine) {
    const auto ranks = static_cast<std::int64_t>(call.number("r", 0));
    for (const char *name : {"q", "k", "v"})
        call.tensors[name] = rows(c, engine, {c.B, c.Lq, c.Hq, c.D}, *name == 'q' ? c.spread : 1);
    if (ranks > 0) call.tensors["s"] = numbers(c, engine, {c.B, c.Lq, c.Hq, ranks}, 0, 2);
    // Padding at the end, and a hole here and there.
    Tensor keep = poisoned(Dtype::u8, {c.B, c.Lq}, Layout::blhd, c.guard);
    for (std::int64_t i = 0; i < keep.elements(); ++i) {
        const std::int64_t n = i % c.Lq, b = i / c.Lq;
        const bool hole = !c.kv_len.empty() &&
                          (n >= c.kv_len[static_cast<std::size_t>(b)] || pick(engine, 0, 9) == 0);
        keep.set(i, n == 0 || !hole ? 1 : 0);
    }
    call.tensors["keep"] = keep;
    const std::int64_t all = c.Hq * c.D;
    call.tensors["gT"] = numbers(c, engine, {all}, 1, 0.2);
    call.tensors["bT"] = numbers(c, engine, {all}, 0, 0.2);
    if (ranks > 0 || c.cls) {
        call.tensors["gL"] = numbers(c, engine, {all}, 1, 0.2);
        call.tensors["bL"] = numbers(c, engine, {all}, 0, 0.2);
    }
    if (!c.cls) return;
    for (const char *name : {"qc", "kc", "vc"}) {
        Tensor tensor = poisoned(c.dtype, {c.B, c.Hq, c.D}, c.layout, c.guard);
        for (std::int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, normal(engine, 1));
        call.tensors[name] = tensor;
    }
}

void randomise(Config &c, Engine &engine) {
    const int w = pick(engine, 0, 3) == 0 ? pick(engine, 0, 2) : pick(engine, 3, 40);
    c.cls = pick(engine, 0, 2) == 0;
    const int r = pick(engine, 0, 2) == 0 ? 0 : pick(engine, 1, 40);
    c.Lq = w == 0 ? pick(engine, 1, 200) : w * pick(engine, 1, std::max(1, 250 / w));
    c.attributes["w"] = static_cast<double>(w);
    c.attributes["r"] = static_cast<double>(w + r == 0 && !c.cls ? 1 : r);
    c.kv_len = random_lengths(engine, c.B, c.Lq);
    c.Lk = c.Lq, c.Hkv = c.Hq, c.Dv = c.D;
}

}  // namespace

const Family tls_family = {{"tls_bidir"}, inputs, randomise};

}  // namespace attune::tests
