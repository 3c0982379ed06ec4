#include "kernel.h"

#include <stdlib.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "../schedules/blocked_softmax_cpu.h"
#include "../schedules/blocked_softmax_gpu.h"
#include "../schedules/direct.h"
#include "elf.h"
#include "join_loops.h"
#include "next_block.h"
#include "prefetch.h"
#include "sum_lanes.h"
#include "trim_to_range.h"
#include "gpu/chunk_guard.h"
#include "gpu/compact_registers.h"
#include "gpu/short_source.h"

namespace attune {

namespace {

template <typename List>
int index_of(const List &list, const std::string &name) {
    for (size_t i = 0; i < list.size(); i++)
        if (list[i].name == name) return int(i);
    return -1;
}

bool has_lse(const Variant &v) {
    return std::count_if(v.tensors.begin(), v.tensors.end(), [](auto &t) { return t.output; }) > 1;
}

// What libattune promises of the outputs: dimensions of the first, innermost stride 1; a further
// output lacks the head's columns, so it repeats along them. columns: a constant, or undefined.
void describe_outputs(Halide::Func result, Expr columns) {
    auto buffers = result.output_buffers();
    buffers[0].dim(0).set_stride(1);
    for (int d = 0; d < buffers[0].dimensions(); d++) buffers[0].dim(d).set_min(0);
    if (columns.defined()) buffers[0].dim(0).set_extent(columns);
    if (buffers.size() > 1) buffers[1].dim(0).set_stride(0);
}

// Passes belong to the pipeline of one handle of a Func: a copy made before lacks them.
Halide::Func scheduled_gpu(const Kernel &k, const Build &build, const Attention &a) {
    bool cuda = k.target.target.has_feature(Halide::Target::CUDA);
    Blocking blocking = gpu_blocking(k.params, k.head_dim, cuda);
    Softmax x = blocked_softmax(build, a, blocking, has_lse(*k.variant));
    describe_outputs(x.result, {});
    schedule_gpu(x, a, k.params);
    x.result.add_custom_lowering_pass(make_chunk_guard("_over_chunks", x.state.name()));
    x.result.add_custom_lowering_pass(make_compact_registers());
    return x.result;
}

}  // namespace

std::string Kernel::name() const {
    std::string head = head_dim ? "_d" + std::to_string(head_dim) : "";
    std::string out = variant->name + "_" + dtype + head + "_" + special.name + "_" + target.name;
    std::replace(out.begin(), out.end(), '-', '_');  // x86-64: the name is part of a C identifier
    return out;
}

Storage Kernel::storage() const {
    const Halide::Target &t = target.target;
    bool converts = t.has_feature(Halide::Target::F16C) || t.arch == Halide::Target::ARM;
    bool pairs = t.has_feature(Halide::Target::AVX512_Zen4) ||
                 t.has_feature(Halide::Target::AVX512_SapphireRapids);
    bool tiles = t.has_feature(Halide::Target::AVX512_SapphireRapids);
    if (dtype == "bf16") return {Halide::BFloat(16), false, pairs, tiles};
    return {Halide::Float(dtype == "f16" ? 16 : 32), converts && !target.gpu()};
}

std::vector<Condition> conditions(const Kernel &k) {
    const Variant &v = *k.variant;
    std::vector<Condition> out;
    auto equal = [&](const std::string &name, double value) {
        out.push_back({Condition::Attribute, index_of(v.attributes, name), value, value});
    };
    for (const std::string &name : k.special.absent)
        out.push_back({Condition::Absent, index_of(v.tensors, name), 0, 0});
    for (const std::string &name : k.special.given)
        out.push_back({Condition::Given, index_of(v.tensors, name), 0, 0});
    std::vector<std::string> symbols = v.extents();
    auto extent = [&](const std::string &symbol, double low, double high) {
        auto at = std::find(symbols.begin(), symbols.end(), symbol);
        if (at == symbols.end()) return;
        out.push_back({Condition::Extent, int(at - symbols.begin()), low, high});
    };
    for (auto &[symbol, size] : k.special.extents) extent(symbol, size, size);
    for (const std::string &symbol : v.heads)
        if (k.head_dim) extent(symbol, k.target.gpu() ? 0 : k.head_dim, k.head_dim);
    for (auto &[name, value] : k.special.attributes) equal(name, value);
    return out;
}

Halide::Func scheduled(const Kernel &k, Build &build) {
    if (k.target.gpu()) return scheduled_gpu(k, build, make_attention(build));
    const int lanes = k.target.lanes;
    struct Stage {
        Attention attention;
        Softmax softmax;
        Params params;
    };
    std::vector<Stage> stages;
    build.stage = [&](const std::string &name, const std::function<Attention()> &make, bool lse) {
        const ParamsKey key{k.target.name, k.variant->name, "", k.head_dim};
        const Params params = stage_params(key, name, k.params);
        const int tile = std::exchange(build.query_tile, params.query_tile);
        Attention a = make();
        complete(build, a.queries);
        a.queries.stage = true;
        Softmax x = blocked_softmax(build, a, cpu_blocking(params, build.storage, lanes), lse);
        build.query_tile = tile;
        stages.push_back({a, x, params});
        return StageResult{x.result, simplify(x.lse_column - x.value_head), x.lse_column};
    };
    Halide::LoopLevel level = Halide::LoopLevel::root();
    Direct direct = k.variant->direct ? k.variant->direct(build) : Direct{};
    Halide::Func result = direct.result;
    auto lower = [&](const Softmax &x) {
        const Blocking &t = x.blocking;
        result.add_custom_lowering_pass(make_trim_to_range(x));
        if (t.ahead || t.next_block > 1) result.add_custom_lowering_pass(make_prefetch(x));
        if (t.next_block) result.add_custom_lowering_pass(make_next_block(x));
        if (!t.by_columns()) result.add_custom_lowering_pass(make_join_loops(x));
    };
    if (result.defined()) {
        describe_outputs(result, {});
        schedule_direct(direct, build.v, lanes);
    } else {
        Attention a = make_attention(build);
        const Blocking blocking = cpu_blocking(k.params, build.storage, lanes);
        Softmax x = blocked_softmax(build, a, blocking, has_lse(*k.variant));
        result = x.result;
        const bool whole = as_const_int(x.value_head) && !a.queries.column;  // columns of a head
        describe_outputs(result, whole ? x.value_head : Expr());
        schedule_cpu(x, a, k.params, lanes);
        lower(x);
        level = head_level(x, a);
    }
    result.add_custom_lowering_pass(make_sum_lanes());
    build.stage = {};
    for (auto &[attention, stage, params] : stages) {
        schedule_cpu(stage, attention, params, lanes);
        stage.result.compute_at(level).bound(stage.v.d, 0, stage.columns);
        lower(stage);
    }
    return result;
}

// Innermost loops begin at multiples of 32 bytes in place of 16: where they begin by chance, dense
// attention of D 128 has 0.863 or 0.893 of the peak (Zen 4, the same instructions).
void configure_llvm() {
    constexpr int kKeepUsersOwn = 0;
    setenv("HL_LLVM_ARGS", "-x86-experimental-pref-innermost-loop-alignment=5", kKeepUsersOwn);
}

void compile_kernel(const Kernel &k, const std::string &symbol, const std::string &path) {
    int head = k.target.gpu() ? 0 : k.head_dim;
    Build build(*k.variant, k.special, head, k.params.query_tile, k.storage());
    Halide::Func f = scheduled(k, build);
    Halide::Module m = f.compile_to_module(build.arguments(), symbol, k.target.target);
    with_short_source(m).compile({{Halide::OutputFileType::object, path}});
    rename_runtime_symbols(path);
}

void compile_cost(const Variant &v, const TargetClass &target, const std::string &symbol,
                  const std::string &path) {
    Build build(v, {}, 0, 1, {Halide::Float(32), false});
    Cost c = v.cost(build);
    Halide::Var i("i");
    Halide::Func cost("cost");
    cost(i) = mux(i, {c.pairs, c.flops, c.bytes});
    cost.bound(i, 0, 3);
    std::vector<Halide::Argument> arguments = build.arguments();
    arguments.push_back(build.element_bytes_argument());
    cost.compile_to_module(arguments, symbol, target.target)
        .compile({{Halide::OutputFileType::object, path}});
    rename_runtime_symbols(path);
}

}  // namespace attune
