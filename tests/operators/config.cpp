#include "config.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <sstream>

namespace attune::tests {
namespace {

using Engine = std::mt19937_64;

int pick(Engine &engine, int low, int high) {  // the same on every platform, unlike <random>'s
    return low + static_cast<int>(engine() % static_cast<std::uint64_t>(high - low + 1));
}

template <typename T>
T one_of(Engine &engine, std::initializer_list<T> all) {
    return all.begin()[pick(engine, 0, static_cast<int>(all.size()) - 1)];
}

// About N(0, spread^2): the sum of four uniform numbers.
double normal(Engine &engine, double spread) {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<double>(engine() >> 11) * 0x1p-53;
    return (sum - 2) * std::sqrt(3.0) * spread;
}

// Rows past the length stay as they are: NaN.
void fill(Tensor &tensor, Engine &engine, double spread, const std::vector<int> &lengths) {
    const std::int64_t row = tensor.shape[2] * tensor.shape[3];
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
        const std::int64_t l = i / row % tensor.shape[1], b = i / row / tensor.shape[1];
        const double value = normal(engine, spread);
        if (lengths.empty() || l < lengths[static_cast<std::size_t>(b)]) tensor.set(i, value);
    }
}

Tensor integers(const Config &config, const std::vector<std::int64_t> &shape,
                const std::vector<int> &values) {
    Tensor tensor = poisoned(Dtype::i32, shape, Layout::blhd, config.guard);
    for (std::size_t i = 0; i < values.size(); ++i) tensor.set(static_cast<int>(i), values[i]);
    return tensor;
}

void add_matrix(Case &call, const char *name, const Config &config, Engine &engine) {
    Tensor matrix = poisoned(Dtype::f32, {config.D, config.D}, config.layout, config.guard);
    const double spread = 1 / std::sqrt(static_cast<double>(config.D));
    for (std::int64_t i = 0; i < matrix.elements(); ++i) matrix.set(i, normal(engine, spread));
    call.tensors[name] = matrix;
}

// The first n ranks hold tokens 0..n-1 in a random order, the others the padding.
void add_order(Case &call, const Config &config, Engine &engine) {
    std::vector<int> perm, ids;
    for (std::int64_t b = 0; b < config.B; ++b) {
        const auto n = config.kv_len.empty() ? config.Lq : config.kv_len[static_cast<size_t>(b)];
        std::vector<int> one(static_cast<std::size_t>(config.Lq));
        std::iota(one.begin(), one.end(), 0);
        for (int i = static_cast<int>(n) - 1; i > 0 && !config.ordered; --i)
            std::swap(one[static_cast<std::size_t>(i)],
                      one[static_cast<std::size_t>(pick(engine, 0, i))]);
        perm.insert(perm.end(), one.begin(), one.end());
        for (std::int64_t i = 0; i < config.Lq; ++i) ids.push_back(pick(engine, 0, 2));
    }
    call.tensors["perm"] = integers(config, {config.B, config.Lq}, perm);
    if (call.number("same_cluster", 0) != 0)
        call.tensors["ids"] = integers(config, {config.B, config.Lq}, ids);
    if (!config.kv_len.empty()) call.tensors["n_len"] = integers(config, {config.B}, config.kv_len);
}

}  // namespace

std::string describe(const Config &c) {
    std::ostringstream out;
    out << c.op << " B=" << c.B << " Lq=" << c.Lq << " Lk=" << c.Lk << " Hq=" << c.Hq
        << " Hkv=" << c.Hkv << " D=" << c.D << " Dv=" << c.Dv;
    for (const auto &[name, value] : c.attributes) {
        out << ' ' << name << '=';
        std::visit([&](const auto &v) { out << v; }, value);
    }
    const auto list = [&](const char *name, const std::vector<int> &lengths) {
        if (!lengths.empty()) out << ' ' << name << '=';
        for (std::size_t i = 0; i < lengths.size(); ++i) out << (i ? "," : "") << lengths[i];
    };
    list("q_len", c.q_len);
    list("kv_len", c.kv_len);
    const char *const layouts[] = {"blhd", "bhld", "packed", "padded"};
    out << " layout=" << layouts[static_cast<int>(c.layout)]
        << (c.guard == Guard::after ? "" : " guard=before") << (c.poison ? " poison" : "")
        << (c.lse ? "" : " no-lse") << " spread=" << c.spread << " seed=" << c.seed;
    return out.str();
}

void add_outputs(Case &call, bool lse, Layout layout, Guard guard) {
    const auto &q = call.tensors.at("q").shape;
    const std::int64_t width = call.tensors.at("v").shape[3];
    call.tensors["o"] = output({q[0], q[1], q[2], width}, layout, guard);
    if (lse && call.op != "combiner_fixed")
        call.tensors["lse"] = output({q[0], q[2], q[1]}, layout, guard);
}

Case make_case(const Config &config) {
    Engine engine(config.seed);
    Case call;
    call.op = config.op;
    call.attributes = config.attributes;
    const bool clusters = config.op == "cluster_attn", dense = config.op == "dense";
    const std::vector<int> none, &q_len = clusters ? config.kv_len : config.q_len;
    const auto add = [&](const char *name, std::int64_t length, std::int64_t heads,
                         std::int64_t width, double spread, const std::vector<int> &lengths) {
        Tensor tensor =
            poisoned(Dtype::f32, {config.B, length, heads, width}, config.layout, config.guard);
        fill(tensor, engine, spread, config.poison ? lengths : none);
        call.tensors[name] = tensor;
    };
    add("q", config.Lq, config.Hq, config.D, config.spread, q_len);
    add("k", dense ? config.Lk : config.Lq, config.Hkv, config.D, 1, config.kv_len);
    add("v", dense ? config.Lk : config.Lq, config.Hkv, config.Dv, 1, config.kv_len);
    if (dense && !config.q_len.empty())
        call.tensors["q_len"] = integers(config, {config.B}, config.q_len);
    if (dense && !config.kv_len.empty())
        call.tensors["kv_len"] = integers(config, {config.B}, config.kv_len);
    if (clusters) add_order(call, config, engine);
    if (call.word("act", "") == "deepset") {
        add_matrix(call, "Wpq", config, engine);
        add_matrix(call, "Wpk", config, engine);
    }
    add_outputs(call, config.lse, config.layout, config.guard);
    return call;
}

namespace {

std::int64_t random_length(Engine &engine) {
    if (pick(engine, 0, 2) == 0)
        return one_of(engine, {1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129});
    return pick(engine, 1, pick(engine, 0, 3) == 0 ? 300 : 70);
}

std::int64_t random_width(Engine &engine) {
    return pick(engine, 0, 1) ? one_of(engine, {16, 32, 64, 80, 96, 128}) : pick(engine, 1, 160);
}

std::vector<int> random_lengths(Engine &engine, std::int64_t batch, std::int64_t most) {
    std::vector<int> lengths;
    for (std::int64_t b = 0; b < batch && pick(engine, 0, 7) != 0; ++b)
        lengths.push_back(pick(engine, 0, 3) ? pick(engine, 0, static_cast<int>(most)) : 0);
    if (static_cast<std::int64_t>(lengths.size()) < batch) lengths.clear();
    return lengths;
}

void random_dense(Config &c, Engine &engine) {
    c.Lk = random_length(engine);
    c.Dv = pick(engine, 0, 3) ? c.D : random_width(engine);
    if (pick(engine, 0, 1)) c.attributes["causal"] = 1.0;
    if (pick(engine, 0, 1)) c.attributes["align"] = std::string("top_left");
    if (pick(engine, 0, 2) == 0) c.attributes["left"] = pick(engine, -1, 40) + 0.0;
    if (pick(engine, 0, 2) == 0) c.attributes["right"] = pick(engine, -1, 40) + 0.0;
    if (pick(engine, 0, 3) == 0) c.q_len = random_lengths(engine, c.B, c.Lq);
    if (pick(engine, 0, 1)) c.kv_len = random_lengths(engine, c.B, c.Lk);
}

void random_combiner(Config &c, Engine &engine) {
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
    c.Hkv = c.Hq, c.Dv = c.D;
}

void random_clusters(Config &c, Engine &engine) {
    c.attributes["chunk"] = static_cast<double>(pick(engine, 1, pick(engine, 0, 1) ? 24 : 300));
    if (pick(engine, 0, 2) == 0) c.attributes["causal"] = 1.0;
    if (pick(engine, 0, 2) == 0) c.attributes["same_cluster"] = 1.0;
    if (pick(engine, 0, 1)) c.kv_len = random_lengths(engine, c.B, c.Lq);
    c.Dv = c.D;
}

}  // namespace

Config random_config(const std::string &op, std::uint64_t seed, int number) {
    Engine engine(seed * 1000003 + static_cast<std::uint64_t>(number));
    Config c;
    c.op = op;
    c.B = pick(engine, 1, 3);
    c.Lq = random_length(engine);
    c.Hkv = pick(engine, 1, 3);
    c.Hq = c.Hkv * pick(engine, 1, 3);
    c.D = random_width(engine);
    c.layout = static_cast<Layout>(pick(engine, 0, 3));
    c.guard = pick(engine, 0, 1) ? Guard::after : Guard::before;
    c.poison = pick(engine, 0, 1) != 0;
    c.lse = pick(engine, 0, 3) != 0;
    c.seed = engine();
    if (op == "dense") random_dense(c, engine);
    if (op == "combiner_fixed") random_combiner(c, engine);
    if (op == "cluster_attn") random_clusters(c, engine);
    c.Lk = op == "dense" ? c.Lk : c.Lq;
    if (op != "combiner_fixed" && pick(engine, 0, 4) == 0)
        c.attributes["scale"] = pick(engine, -8, 16) / 16.0;
    return c;
}

}  // namespace attune::tests
