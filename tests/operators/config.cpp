#include "family.h"

#include <algorithm>
#include <numeric>
#include <sstream>
#include <stdexcept>

namespace attune::tests {
namespace {

const Family *const families[] = {&dense_family, &combiner_family, &cluster_family, &lsra_family,
                                  &tls_family};

const Family &family_of(const std::string &op) {
    for (const Family *family : families)
        if (std::count(family->ops.begin(), family->ops.end(), op)) return *family;
    throw std::invalid_argument("no configurations of " + op);
}

// Number of parts of the keys of a dense_split.
std::int64_t parts_of(const Case &call) {
    const auto size = static_cast<std::int64_t>(call.number("split_size", 0));
    if (size == 0) return static_cast<std::int64_t>(call.number("n_split", 1));
    const bool paged = call.has("k_pages");
    const std::int64_t keys = call.tensors.at(paged ? "k_pages" : "k").shape[1];
    const std::int64_t all = paged ? keys * call.tensors.at("block_table").shape[1] : keys;
    return (all + size - 1) / size;
}

// Shape of the result.
std::vector<std::int64_t> result_shape(const Case &call) {
    if (call.op == "dense_merge") {
        const auto &parts = call.tensors.at("o_part").shape;
        return {parts.begin() + 1, parts.end()};
    }
    std::vector<std::int64_t> shape = call.tensors.at("q").shape;
    if (call.has("qc")) ++shape[1];
    shape.back() = call.tensors.at(call.has("v_pages") ? "v_pages"
                                   : call.has("vw")    ? "vw"
                                                       : "v")
                       .shape.back();
    if (call.op == "dense_split") shape.insert(shape.begin(), parts_of(call));
    return shape;
}

void describe_dense(std::ostream &out, const Config &c) {
    if (c.bias) out << " bias=" << *c.bias;
    if (c.mask) out << " mask=" << *c.mask;
    if (c.alibi) out << " alibi=" << c.alibi;
    if (c.page) out << " page=" << c.page;
    if (c.op == "dense_merge") out << " parts=" << c.parts;
    out << (c.cls ? " cls" : "") << (c.sink ? " sink" : "") << (c.packed ? " packed" : "");
}

}  // namespace

std::string result_name(const std::string &op) {
    if (op == "dense_split") return "o_part";
    return is_tls(op) ? "out" : "o";
}

bool mixes_heads(const std::string &op) { return is_tls(op); }

bool is_tls(const std::string &op) { return op.compare(0, 4, "tls_") == 0; }

std::vector<std::string> all_ops() {
    std::vector<std::string> all;
    for (const Family *family : families)
        all.insert(all.end(), family->ops.begin(), family->ops.end());
    return all;
}

bool is_combiner(const std::string &op) { return op.compare(0, 9, "combiner_") == 0; }

bool is_grid(const std::string &op) {
    return is_combiner(op) && op != "combiner_fixed" && op != "combiner_logsparse";
}

bool has_flag_causal(const std::string &op) {
    if (is_combiner(op)) return op == "combiner_fixed" || op == "combiner_axial_rowmajor";
    return op != "dense_merge" && op != "lsra_core_step";
}

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
    list("kv_used", c.kv_used);
    list("q_offset", c.q_offset);
    describe_dense(out, c);
    if (c.one_filter) out << " one-filter";
    const char *const layouts[] = {"blhd", "bhld", "packed", "padded", "sparse"};
    out << ' ' << name_of(c.dtype) << " layout=" << layouts[static_cast<int>(c.layout)]
        << (c.guard == Guard::after ? "" : " guard=before") << (c.poison ? " poison" : "")
        << (c.lse ? "" : " no-lse") << " spread=" << c.spread << " seed=" << c.seed;
    return out.str();
}

void add_outputs(Case &call, bool lse, Layout layout, Guard guard) {
    if (call.has("u")) {
        const Tensor &q = call.tensors.at("q"), &u = call.tensors.at("u");
        const std::int64_t width = q.shape[2] * q.shape[3] + u.shape[2] * u.shape[3];
        call.tensors["ctx"] = output(q.dtype, {q.shape[0], q.shape[1], width}, layout, guard);
        return;
    }
    const std::vector<std::int64_t> shape = result_shape(call);
    const auto inner = shape.end() - 3;
    const std::vector<std::int64_t> outer(shape.begin(), inner);
    const bool split = call.op == "dense_split", merge = call.op == "dense_merge";
    const auto before = call.tensors.find(result_name(call.op));
    Dtype dtype = split || merge ? Dtype::f32 : call.tensors.at("q").dtype;
    if (before != call.tensors.end()) dtype = before->second.dtype;
    std::int64_t count = 1;
    for (std::int64_t extent : outer) count *= extent;
    call.tensors[result_name(call.op)] =
        with_outer(output(dtype, {count, inner[0], inner[1], inner[2]}, layout, guard), outer);
    if (is_combiner(call.op) || is_tls(call.op) || !(lse || split || merge)) return;
    std::vector<std::int64_t> rows = outer;
    rows.insert(rows.end(), {inner[1], inner[0]});
    call.tensors[split ? "lse_part" : "lse"] = output(Dtype::f32, rows, layout, guard);
}

Case make_case(const Config &config) {
    Engine engine(config.seed);
    Case call;
    call.op = config.op;
    call.attributes = config.attributes;
    family_of(config.op).inputs(call, config, engine);
    if (config.op == "dense_merge") call.tensors["o"].dtype = config.dtype;
    add_outputs(call, config.lse, config.layout, config.guard);
    return call;
}

Config random_config(const std::string &op, std::uint64_t seed, int number) {
    Engine engine(seed * 1000003 + static_cast<std::uint64_t>(number));
    Config c;
    c.op = op;
    c.B = pick(engine, 1, 3);
    c.Lq = random_length(engine);
    c.Hkv = pick(engine, 1, 3);
    // Kernels have tiles and blocks of heads that share keys: 9 is more than one of each.
    c.Hq = c.Hkv * (pick(engine, 0, 7) == 0 ? 9 : pick(engine, 1, 3));
    c.D = random_width(engine);
    c.layout = static_cast<Layout>(pick(engine, 0, 4));
    c.guard = pick(engine, 0, 1) ? Guard::after : Guard::before;
    c.poison = pick(engine, 0, 1) != 0;
    c.lse = pick(engine, 0, 3) != 0;
    c.seed = engine();
    family_of(op).randomise(c, engine);
    return c;
}

}  // namespace attune::tests
