// attune run: one case folder through a generated pack.
#include "case_call.h"
#include "command.h"
#include "context.h"
#include "fault.h"
#include "output_files.h"
#include "pack_file.h"
#include "progress.h"

namespace tool {
namespace {

struct Options {
    std::string folder, out, target, dtype = "f32", pack, kernel;
    int threads = 0;
};

void run(const Options &options) {
    attune_dtype storage = storage_named(options.dtype);
    Case description = read_case(options.folder);
    const attune_pack *pack = load_pack(pack_path(options.pack));
    Context context(options.target, options.threads, options.kernel);
    std::unique_ptr<Call> call = make_call(description, pack, storage);
    Progress progress;
    progress.show("running " + description.op + " ...");
    check(attune_call(context.get(), pack, call->index(), call->args()), description.op);
    progress.show("writing " + options.out + " ...");
    OutputFiles files(options.out);
    for (const std::string &name : description.outputs)
        files.write(name, call->tensor(find_tensor(call->variant(), name)));
    files.commit();
}

constexpr const char *HELP = R"(
DIR/case.json is {"op": "dense", "attrs": {"causal": 1}, "inputs": ["q", "k", "v"],
"outputs": ["o", "lse"]}; DIR/q.npy, k.npy, v.npy are C-order float32 arrays of shape
[batch, length, heads, head size]. `attune list` names every op, tensor and attribute.

Examples:
  attune run --case case --out result
  attune run --case case --out result --target avx2 --threads 1 --dtype bf16

Exit status: 0 done; 2 the call is wrong; 3 the pack has no kernel for it; 1 the machine failed.)";

}  // namespace

void add_run(CLI::App &app) {
    auto options = std::make_shared<Options>();
    CLI::App *run_app = app.add_subcommand("run", "Run an op on .npy files");
    run_app->footer(HELP);
    run_app->add_option("--case", options->folder, "Folder of case.json and inputs")
        ->required()
        ->type_name("DIR");
    run_app->add_option("--out", options->out, "Folder for NAME.npy of each output")
        ->required()
        ->type_name("DIR");
    run_app
        ->add_option(
            "--target", options->target,
            "host (default), x86-64, avx2, avx512, avx512_bf16, avx512_amx, aarch64, opencl, "
            "cuda")
        ->type_name("T");
    run_app
        ->add_option("--dtype", options->dtype,
                     "f32 (default), f16 or bf16: round storage tensors to it, write float32")
        ->type_name("D");
    run_app->add_option("--threads", options->threads, "0 (default): all")
        ->check(CLI::Range(0, 4096))
        ->type_name("N");
    run_app->add_option("--pack", options->pack, "Kernel pack, libNAME.so")->type_name("FILE");
    run_app->add_option("--kernel", options->kernel, "Only kernels whose name contains this")
        ->type_name("NAME");
    run_app->callback([options] { run(*options); });
}

}  // namespace tool
