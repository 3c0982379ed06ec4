// attune: the command line of libattune and of kernel packs.
#include "command.h"
#include "fault.h"

#include <cstdio>

namespace tool {
namespace {

constexpr const char *HELP = R"(
Attune compiles attention kernels ahead of time into packs and runs them. Each subcommand's
--help has examples; the shortest way round:
  attune doctor                        what this machine has
  attune list                          what the pack can do
  attune run --case case --out result  an op on .npy files
  attune bench --shape dense_2048_d64  how fast it is here
  attune inspect --variant dense --shape dense_2048_d64   why
  attune generate --help               packs of your own)";

int attune_main(int argc, char **argv) {
    CLI::App app("Attention kernels compiled ahead of time", "attune");
    app.footer(HELP);
    app.set_version_flag("--version", attune_version());
    app.require_subcommand(1);
    add_run(app);
    add_list(app);
    add_bench(app);
    add_generate(app);
    add_inspect(app);
    add_doctor(app);
    auto named = [&](const CLI::App *sub) { return sub->get_name() == argv[1]; };
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(named).empty())
        throw Fault(CALL_WRONG, "unknown subcommand: attune --help names them");
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success &help_or_version) {
        return app.exit(help_or_version);
    }
    return DONE;
}

}  // namespace
}  // namespace tool

int main(int argc, char **argv) {
    std::string program = "attune";
    if (argc > 1 && argv[1][0] != '-') program += std::string(" ") + argv[1];
    return tool::guarded(program, tool::attune_main, argc, argv);
}
