// attune bench: becomes attune-bench, which is a program of its own because it links a benchmark
// library that the other subcommands do without.
#include "command.h"
#include "fault.h"
#include "pack_file.h"
#include "program.h"

namespace tool {
namespace {

void bench(const CLI::App &app) {
    std::string path = sibling_program("attune-bench");
    if (path.empty())
        throw Fault(PACK_CANNOT,
                    "attune-bench is not installed: build the target attune-bench "
                    "(it needs Google Benchmark)");
    become(path, app.remaining());
}

}  // namespace

void add_bench(CLI::App &app) {
    CLI::App *bench_app = app.add_subcommand(
        "bench", "Measure kernels: time, GFLOP/s, shares of this machine's limits");
    bench_app->prefix_command();
    bench_app->set_help_flag();  // attune-bench has its own
    bench_app->footer(
        "\nExamples:\n  attune bench --shape dense_2048_d64\n"
        "  attune bench --variant dense --size b=1,h=8,lq=1000,d=80 --attr causal=1");
    bench_app->callback([bench_app] { bench(*bench_app); });
}

}  // namespace tool
