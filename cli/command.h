// The subcommands of `attune`. Each adds its options to the application and, if the command line
// names it, runs in the callback; it throws Fault to end with another status than 0.
#ifndef ATTUNE_CLI_COMMAND_H
#define ATTUNE_CLI_COMMAND_H

#include <CLI/CLI.hpp>

namespace tool {

void add_run(CLI::App &app);
void add_list(CLI::App &app);
void add_bench(CLI::App &app);
void add_generate(CLI::App &app);
void add_inspect(CLI::App &app);
void add_doctor(CLI::App &app);

}  // namespace tool
#endif
