#include "options.h"

#include "cli/array.h"
#include "cli/fault.h"

#include <CLI/CLI.hpp>

namespace bench {
namespace {

constexpr const char *HELP = R"(
On one thread, times are CPU times of a pinned thread, and a share is the median over alternating
triples (loop, kernel, loop): of multiply-adds with the kernel's vector width, and of reads of the
call's own tensors. On more threads, times are wall-clock, and "scaling" is the rate over that of
one thread, beside the same for the multiply-add loop. Options that begin with --benchmark_ go to
Google Benchmark.

Examples:
  attune-bench --shape dense_2048_d64 --shape decode_8192_d128 --json rows.json
  attune-bench --variant dense --size b=1,h=8,hkv=2,lq=1000,lk=4000,d=80 --attr causal=1
  attune-bench --shape dense_2048_d64 --target avx2 --threads 2)";

void add_shapes(CLI::App &app, Options &options) {
    app.add_option("--shape", options.shapes, "A named shape; repeat for more; none: all")
        ->type_name("NAME");
    auto variant = app.add_option("--variant", options.custom.variant, "A shape of your own, of V")
                       ->type_name("V");
    app.add_option("--size", options.custom.sizes,
                   "Its extents: b=1,h=8,hkv=8,lq=1000,lk=1000,d=80")
        ->delimiter(',')
        ->needs(variant)
        ->type_name("KEY=N,...");
    app.add_option("--attr", options.custom.attributes, "Its attributes: causal=1")
        ->delimiter(',')
        ->needs(variant)
        ->type_name("KEY=VALUE");
    app.add_option("--with", options.custom.tensors, "Optional tensors to give: bias,lse")
        ->delimiter(',')
        ->needs(variant)
        ->type_name("TENSOR");
    app.add_option("--order", options.custom.order,
                   "Memory order of its rank-4 tensors: 0123 (default) as declared, 0213, ...")
        ->needs(variant)
        ->type_name("DIGITS");
}

void add_selection(CLI::App &app, Options &options) {
    app.add_option("--target", options.selection.target, "host (default), x86-64, avx2, ...")
        ->type_name("T");
    app.add_option("--threads", options.selection.threads, "1 (default); 0: all")
        ->check(CLI::Range(0, 4096))
        ->type_name("N");
    app.add_option("--dtype", options.dtype, "f32, f16 or bf16 instead of the shape's own")
        ->type_name("D");
    app.add_option("--schedule", options.selection.schedule,
                   "Only kernels whose schedule contains this")
        ->type_name("S");
    app.add_option("--kernel", options.selection.kernel, "Only kernels whose name contains this")
        ->type_name("NAME");
}

}  // namespace

bool parse(int argc, char **argv, Options &options) {
    CLI::App app("Measures the kernels of a pack", "attune-bench");
    app.footer(HELP);
    add_shapes(app, options);
    add_selection(app, options);
    app.add_option("--pack", options.pack, "Kernel pack, libNAME.so")->type_name("FILE");
    app.add_option("--json", options.json, "Write the rows to this file")->type_name("FILE");
    app.add_flag("--list", options.list, "Only name the shapes");
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success &help) {
        app.exit(help);
        return false;
    }
    return true;
}

std::vector<tool::Shape> shapes_of(const attune_pack *pack, const Options &options) {
    std::vector<tool::Shape> shapes;
    for (const std::string &name : options.shapes) shapes.push_back(tool::shape_named(pack, name));
    if (!options.custom.variant.empty()) shapes.push_back(tool::custom_shape(pack, options.custom));
    if (shapes.empty()) shapes = tool::named_shapes(pack);
    for (tool::Shape &shape : shapes)
        if (!options.dtype.empty()) shape.dtype = tool::storage_named(options.dtype);
    return shapes;
}

}  // namespace bench
