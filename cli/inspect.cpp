// attune inspect: which kernel a call gets and why, what its code and this machine allow, and what
// its rows see.
#include "command.h"
#include "context.h"
#include "fault.h"
#include "inspect_pattern.h"
#include "inspect_report.h"
#include "pack_file.h"
#include "progress.h"
#include "workload.h"

#include <cstdio>

namespace tool {
namespace {

using nlohmann::json;

struct Options {
    std::string shape, target, kernel, pack, pattern, of;
    CustomShape custom;
    bool assembly = false, json = false;
};

std::string text(const json &value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_choice(const json &report) {
    std::printf("kernel    %s\nschedule  %s\n", text(report["kernel"]).c_str(),
                text(report["schedule"]).c_str());
    for (const json &candidate : report["choice"]) {
        bool chosen = candidate["chosen"];
        std::printf("  %s %s\n", chosen ? "runs" : "skips", text(candidate["kernel"]).c_str());
        for (const json &condition : candidate["conditions"])
            if (chosen || !condition["holds"])
                std::printf("       %s %s\n", condition["holds"] ? "as" : "not",
                            text(condition["text"]).c_str());
    }
}

void print_roofline(const json &roof) {
    auto number = [&](const char *key) { return roof[key].get<double>(); };
    std::printf("work      %.4g pairs, %.4g FLOP, %.4g bytes, %.1f FLOP a byte\n", number("pairs"),
                number("flops"), number("bytes"), number("flops_per_byte"));
    std::printf("machine   %.1f GFLOP/s %s multiply-add peak, %.1f GB/s read (one thread)\n",
                number("fma_peak_gflops"), text(roof["vectors"]).c_str(), number("read_gb_s"));
    std::printf("roofline  %.1f GFLOP/s, bound by %s: %.3f ms\n", number("roof_gflops"),
                text(roof["bound_by"]).c_str(), number("ms_at_roof"));
}

void print_loop(const json &loop) {
    std::printf(
        "  loop of %s instructions: %s multiply-adds, %s stores and %s loads of vectors on "
        "the stack\n    in %s\n",
        text(loop["instructions"]).c_str(), text(loop["multiply_adds"]).c_str(),
        text(loop["stack_stores"]).c_str(), text(loop["stack_loads"]).c_str(),
        text(loop["symbol"]).c_str());
    for (const json &line : loop.value("assembly", json::array()))
        std::printf("      %s\n", text(line).c_str());
    if (!loop.contains("mca")) return;
    const json &mca = loop["mca"];
    std::printf("    llvm-mca for %s: block reciprocal throughput %.1f cycles\n%s\n",
                text(mca["processor"]).c_str(), mca["block_reciprocal_throughput"].get<double>(),
                text(mca["pressure"]).c_str());
}

void print(const json &report) {
    print_choice(report);
    print_roofline(report["roofline"]);
    const json &code = report["code"];
    if (code.contains("missing")) {
        std::printf("code      %s\n", text(code["missing"]).c_str());
        return;
    }
    std::printf("code      %s bytes in %s functions\n", text(code["bytes"]).c_str(),
                text(code["functions"]).c_str());
    for (const json &loop : code["loops"]) print_loop(loop);
}

Shape wanted_shape(const attune_pack *pack, const Options &options) {
    if (!options.shape.empty()) return shape_named(pack, options.shape);
    if (options.custom.variant.empty())
        throw Fault(CALL_WRONG, "--shape NAME, or --variant V with --size, is required");
    return custom_shape(pack, options.custom);
}

void inspect(const Options &options) {
    Progress progress;
    std::string library = pack_path(options.pack);
    const attune_pack *pack = load_pack(library);
    Shape shape = wanted_shape(pack, options);
    Context context(options.target, 1, options.kernel);
    if (!options.pattern.empty())
        return inspect_pattern(context, pack, shape, options.of, options.pattern, options.json);
    progress.show("making " + shape.name + " ...");
    std::unique_ptr<Call> call = make_workload(pack, shape);
    int chosen = 0;
    attune_cost cost = {};
    check(attune_call_kernel(context.get(), pack, shape.variant, call->args(), &chosen),
          call->variant().name);
    check(attune_call_cost(context.get(), pack, shape.variant, call->args(), &cost),
          call->variant().name);
    const attune_kernel &kernel = pack->kernel[chosen];
    json report = {{"shape", shape.name},         {"variant", call->variant().name},
                   {"kernel", kernel.name},       {"target", kernel.target},
                   {"schedule", kernel.schedule}, {"choice", choice_json(*call, chosen)}};
    progress.show("measuring this machine ...");
    report["roofline"] = roofline_json(*call, kernel, cost);
    progress.show("reading the code of " + std::string(kernel.name) + " ...");
    report["code"] = code_json(library, pack, kernel, options.assembly);
    progress.show("");
    if (options.json)
        std::printf("%s\n", report.dump(1).c_str());
    else
        print(report);
}

constexpr const char *HELP = R"(
--pattern runs the kernel once a token of the value tensor, with that token changed, and draws what
each row of the first output sees: FILE is an SVG, rows downwards, tokens to the right, white where
a row does not change at all, else the darker, the greater the change beside the row's greatest. The
tokens of a tensor are its dimensions other than B, the heads (symbols that begin with H) and the
last. The value tensor is v, else the first input whose name begins with v, or that of --of. f32,
and at most 256 tokens and rows: give a small --size. With --json the changes are printed.

Examples:
  attune inspect --variant dense --shape dense_2048_d64
  attune inspect --variant dense --size b=1,h=8,lq=1000,d=80 --attr causal=1 --asm
  attune inspect --variant combiner_fixed --size b=1,l=64,h=2,d=16 --attr M=8,causal=1
      --pattern fixed.svg)";

}  // namespace

void add_inspect(CLI::App &app) {
    auto options = std::make_shared<Options>();
    CustomShape &custom = options->custom;
    CLI::App *sub = app.add_subcommand("inspect", "Why a kernel is chosen and what bounds it");
    sub->footer(HELP);
    sub->add_option("--variant", custom.variant, "Op, with --size")->type_name("V");
    sub->add_option("--shape", options->shape, "A named shape")->type_name("NAME");
    sub->add_option("--size", custom.sizes, "Extents: b=1,h=8,lq=1000,d=80")
        ->delimiter(',')
        ->type_name("KEY=N,...");
    sub->add_option("--attr", custom.attributes, "Attributes: causal=1")
        ->delimiter(',')
        ->type_name("KEY=VALUE");
    sub->add_option("--with", custom.tensors, "Optional tensors to give: bias,lse")
        ->delimiter(',')
        ->type_name("TENSOR");
    sub->add_option("--dtype", custom.dtype, "With --size: f32, f16 or bf16")->type_name("D");
    sub->add_option("--target", options->target, "host (default), x86-64, avx2, ...")
        ->type_name("T");
    sub->add_option("--kernel", options->kernel, "Only kernels whose name contains this")
        ->type_name("NAME");
    sub->add_option("--pack", options->pack, "Kernel pack, libNAME.so")->type_name("FILE");
    auto assembly =
        sub->add_flag("--asm", options->assembly, "Hottest loops, and llvm-mca's view of them");
    auto pattern = sub->add_option("--pattern", options->pattern,
                                   "Draw which rows see which tokens, as an SVG")
                       ->excludes(assembly)
                       ->type_name("FILE");
    sub->add_option("--of", options->of, "With --pattern: tokens of this input in place of v")
        ->needs(pattern)
        ->type_name("TENSOR");
    sub->add_flag("--json", options->json, "As JSON");
    sub->callback([options] { inspect(*options); });
}

}  // namespace tool
