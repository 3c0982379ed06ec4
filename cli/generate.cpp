// attune generate: becomes attune-generate, the one program that loads the compiler.
#include "command.h"
#include "fault.h"
#include "pack_file.h"
#include "program.h"

namespace tool {
namespace {

void generate(const CLI::App &app) {
    std::string path = sibling_program("attune-generate");
    if (path.empty())
        throw Fault(PACK_CANNOT,
                    "attune-generate is not installed: install Attune with its "
                    "generator (it needs Halide); running packs does not need it");
    become(path, app.remaining());
}

}  // namespace

void add_generate(CLI::App &app) {
    CLI::App *generate_app = app.add_subcommand("generate", "Compile a kernel pack");
    generate_app->prefix_command();
    generate_app->set_help_flag();  // attune-generate has its own
    generate_app->footer(
        "\nExample:\n  attune generate --out pack --name mine --variant dense "
        "--target avx2 --target avx512");
    generate_app->callback([generate_app] { generate(*generate_app); });
}

}  // namespace tool
