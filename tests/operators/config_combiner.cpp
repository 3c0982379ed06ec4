#include "family.h"

#include <algorithm>
#include <cmath>

namespace attune::tests {
namespace {

void add_matrix(Case &call, const char *name, const Config &config,
                const std::vector<std::int64_t> &shape, std::int64_t terms, Engine &engine) {
    Tensor matrix = poisoned(Dtype::f32, shape, config.layout, config.guard);
    const double spread = 1 / std::sqrt(static_cast<double>(terms));
    for (std::int64_t i = 0; i < matrix.elements(); ++i) matrix.set(i, normal(engine, spread));
    call.tensors[name] = matrix;
}

// What makes projected keys of a row-major grid; biases in some calls.
void add_projection(Case &call, const Config &c, Engine &engine) {
    const std::int64_t width = c.Hq * c.D, E = width + 3;
    call.tensors["x"] = poisoned(c.dtype, {c.B, c.Lq, E}, c.layout, c.guard);
    for (std::int64_t i = 0; i < c.B * c.Lq * E; ++i) call.tensors["x"].set(i, normal(engine, 1));
    add_matrix(call, "W1", c, {c.Hq, c.D, E}, width, engine);
    add_matrix(call, "W2", c, {E, c.Hq, c.D}, E, engine);
    add_matrix(call, "gamma", c, {E}, 1, engine);
    add_matrix(call, "beta", c, {E}, 1, engine);
    if (c.seed % 2) return;
    add_matrix(call, "b1", c, {E}, 1, engine);
    add_matrix(call, "b2", c, {c.Hq, c.D}, 1, engine);
}

void inputs(Case &call, const Config &c, Engine &engine) {
    call.tensors["q"] = rows(c, engine, {c.B, c.Lq, c.Hq, c.D}, c.spread);
    call.tensors["k"] = rows(c, engine, {c.B, c.Lq, c.Hkv, c.D}, 1);
    call.tensors["v"] = rows(c, engine, {c.B, c.Lq, c.Hkv, c.Dv}, 1);
    if (call.word("act", "") == "deepset") {
        add_matrix(call, "Wpq", c, {c.D, c.D}, c.D, engine);
        add_matrix(call, "Wpk", c, {c.D, c.D}, c.D, engine);
    }
    if (call.word("summary", "").find("proj") != std::string::npos) add_projection(call, c, engine);
}

void randomise_fixed(Config &c, int segment, Engine &engine) {
    if (pick(engine, 0, 1))
        c.attributes["act"] = std::string(one_of(engine, {"identity", "relu", "deepset"}));
    if (pick(engine, 0, 1))
        c.attributes["pool"] = std::string(one_of(engine, {"max", "mean", "sum"}));
    // A sum of M tokens is M times as large: without this, scores would be, and their rounding.
    if (c.attributes.count("pool")) c.spread = 1.0 / segment;
    if (c.attributes.count("act"))
        c.D = std::min<std::int64_t>(c.D, 64);  // D^2 a token: slow loops
}

void randomise(Config &c, Engine &engine) {
    const int segment = pick(engine, 1, pick(engine, 0, 1) ? 40 : 70);
    const bool fixed = c.op == "combiner_fixed";
    c.Lq = segment * pick(engine, 1, std::max(1, (fixed ? 300 : 160) / segment));
    // Regions of regions, or projections of all heads: slow loops.
    if (!fixed) c.B = std::min<std::int64_t>(c.B, 2), c.Hq = std::min<std::int64_t>(c.Hq, 2);
    if (!fixed) c.D = std::min<std::int64_t>(c.D, 80);
    c.attributes["M"] = static_cast<double>(segment);
    if (has_flag_causal(c.op)) c.attributes["causal"] = static_cast<double>(pick(engine, 0, 1));
    if (fixed) {
        randomise_fixed(c, segment, engine);
    } else if (c.op == "combiner_axial_rowmajor") {
        c.attributes["summary"] =
            std::string(one_of(engine, {"none", "wsum", "proj", "wsum_proj"}));
        c.D = std::min<std::int64_t>(c.D, 40);
    } else if (c.op == "combiner_logsparse") {
        c.attributes.erase("M");
        c.Lq = pick(engine, 3, pick(engine, 0, 1) ? 70 : 200);
    } else {
        const bool sum = pick(engine, 0, 1) != 0;
        c.attributes["cum"] = std::string(sum ? "sum" : "max");
        c.spread = sum ? 1.0 / segment : 1;
    }
    c.Lk = c.Lq, c.Hkv = c.Hq, c.Dv = c.D;
}

}  // namespace

const Family combiner_family = {
    {"combiner_fixed", "combiner_axial_rowmajor", "combiner_mixture_causal",
     "combiner_mixture_bidir", "combiner_axial_vertical", "combiner_axial_horizontal",
     "combiner_logsparse"},
    inputs,
    randomise};

}  // namespace attune::tests
