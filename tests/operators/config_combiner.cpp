#include "family.h"

#include <algorithm>
#include <cmath>

namespace attune::tests {
namespace {

void add_matrix(Case &call, const char *name, const Config &config, Engine &engine) {
    Tensor matrix = poisoned(Dtype::f32, {config.D, config.D}, config.layout, config.guard);
    const double spread = 1 / std::sqrt(static_cast<double>(config.D));
    for (std::int64_t i = 0; i < matrix.elements(); ++i) matrix.set(i, normal(engine, spread));
    call.tensors[name] = matrix;
}

void inputs(Case &call, const Config &c, Engine &engine) {
    call.tensors["q"] = rows(c, engine, {c.B, c.Lq, c.Hq, c.D}, c.spread);
    call.tensors["k"] = rows(c, engine, {c.B, c.Lq, c.Hkv, c.D}, 1);
    call.tensors["v"] = rows(c, engine, {c.B, c.Lq, c.Hkv, c.Dv}, 1);
    if (call.word("act", "") != "deepset") return;
    add_matrix(call, "Wpq", c, engine);
    add_matrix(call, "Wpk", c, engine);
}

void randomise(Config &c, Engine &engine) {
    const int segment = pick(engine, 1, pick(engine, 0, 1) ? 40 : 70);
    c.Lq = segment * pick(engine, 1, std::max(1, 300 / segment));
    c.attributes["M"] = static_cast<double>(segment);
    c.attributes["causal"] = static_cast<double>(pick(engine, 0, 1));
    if (pick(engine, 0, 1))
        c.attributes["act"] = std::string(one_of(engine, {"identity", "relu", "deepset"}));
    if (pick(engine, 0, 1))
        c.attributes["pool"] = std::string(one_of(engine, {"max", "mean", "sum"}));
    // A sum of M tokens is M times as large: without this, scores would be, and their rounding.
    if (c.attributes.count("pool")) c.spread = 1.0 / segment;
    if (c.attributes.count("act"))
        c.D = std::min<std::int64_t>(c.D, 64);  // D^2 a token: slow loops
    c.Lk = c.Lq, c.Hkv = c.Hq, c.Dv = c.D;
}

}  // namespace

const Family combiner_family = {{"combiner_fixed"}, inputs, randomise};

}  // namespace attune::tests
