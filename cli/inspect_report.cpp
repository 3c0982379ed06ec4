#include "inspect_report.h"

#include "bench/machine.h"
#include "disassembly.h"
#include "fault.h"
#include "kernel_choice.h"
#include "mca.h"

#include <algorithm>

namespace tool {
namespace {

using nlohmann::json;

constexpr size_t LOOPS_SHOWN = 4, LOOPS_PRINTED = 2;

std::vector<machine::Range> buffers_of(const Call &call) {
    std::vector<machine::Range> ranges;
    for (const auto &[index, array] : call.tensors())
        ranges.push_back({array.data(), array.bytes()});
    return ranges;
}

std::vector<std::string> kernel_names(const attune_pack *pack) {
    std::vector<std::string> names;
    for (int i = 0; i < pack->kernels; i++) names.push_back(pack->kernel[i].name);
    return names;
}

json loop_json(const Loop &loop) {
    return {{"symbol", loop.symbol},
            {"instructions", loop.body.size()},
            {"multiply_adds", loop.multiply_adds},
            {"stack_stores", loop.stack_stores},
            {"stack_loads", loop.stack_loads}};
}

void add_assembly(json &entry, const Loop &loop) {
    for (const Instruction &one : loop.body) entry["assembly"].push_back(one.text);
    Analysis analysis = analyse(loop);
    entry["mca"] = {{"processor", analysis.processor},
                    {"block_reciprocal_throughput", analysis.reciprocal_throughput},
                    {"pressure", analysis.pressure}};
}

json code_of(const std::string &library, const attune_pack *pack, const attune_kernel &kernel,
             bool assembly) {
    std::vector<Symbol> symbols = kernel_symbols(library, kernel.name, kernel_names(pack));
    if (symbols.empty())
        throw Fault(PACK_CANNOT, library + " has no symbol of " + kernel.name + " (stripped?)");
    uint64_t size = 0;
    for (const Symbol &symbol : symbols) size += symbol.size;
    json code = {{"bytes", size}, {"functions", symbols.size()}, {"loops", json::array()}};
    std::vector<Loop> loops = inner_loops(library, symbols);
    for (size_t i = 0; i < loops.size() && i < LOOPS_SHOWN && loops[i].multiply_adds > 0; i++) {
        code["loops"].push_back(loop_json(loops[i]));
        if (assembly && i < LOOPS_PRINTED) add_assembly(code["loops"].back(), loops[i]);
    }
    return code;
}

}  // namespace

json choice_json(const Call &call, int chosen) {
    json list = json::array();
    for (const Candidate &candidate : candidates(call, chosen)) {
        json entry = {{"kernel", candidate.kernel->name},
                      {"chosen", candidate.chosen},
                      {"conditions", json::array()}};
        for (const Condition &condition : candidate.conditions)
            entry["conditions"].push_back({{"text", condition.text}, {"holds", condition.holds}});
        list.push_back(entry);
    }
    return list;
}

json roofline_json(const Call &call, const attune_kernel &kernel, const attune_cost &cost) {
    machine::Pinned pinned;
    machine::Vector vectors = machine::vectors_of(kernel.target);
    double peak = machine::peak_flops(vectors);
    double bandwidth = machine::read_bandwidth(vectors, buffers_of(call));
    double intensity = cost.flops / cost.bytes, roof = std::min(peak, intensity * bandwidth);
    return {{"pairs", cost.pairs},
            {"flops", cost.flops},
            {"bytes", cost.bytes},
            {"flops_per_byte", intensity},
            {"vectors", machine::name_of(vectors)},
            {"fma_peak_gflops", peak * 1e-9},
            {"read_gb_s", bandwidth * 1e-9},
            {"roof_gflops", roof * 1e-9},
            {"bound_by", roof < peak ? "memory" : "arithmetic"},
            {"ms_at_roof", cost.flops / roof * 1e3}};
}

// Without --asm, a machine without objdump still gets the rest.
json code_json(const std::string &library, const attune_pack *pack, const attune_kernel &kernel,
               bool assembly) {
    try {
        return code_of(library, pack, kernel, assembly);
    } catch (const Fault &fault) {
        if (assembly || fault.status != PACK_CANNOT) throw;
        return {{"missing", fault.what()}};
    }
}

}  // namespace tool
