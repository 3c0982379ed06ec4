// Other programs: replacing this one, and reading what they print.
#ifndef ATTUNE_CLI_PROGRAM_H
#define ATTUNE_CLI_PROGRAM_H

#include <string>
#include <vector>

namespace tool {

// Becomes the program; returns only by a Fault.
[[noreturn]] void become(const std::string &path, const std::vector<std::string> &arguments);

struct Output {
    int status;        // 127: could not be started
    std::string text;  // stdout and stderr
};

// Runs a program of PATH (or a path) with `input` as its stdin.
Output output_of(const std::vector<std::string> &command, const std::string &input = "");

std::string find_in_path(const std::string &program);  // "" if it is nowhere

}  // namespace tool
#endif
