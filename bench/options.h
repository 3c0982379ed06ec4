// Command line of attune-bench.
#ifndef ATTUNE_BENCH_OPTIONS_H
#define ATTUNE_BENCH_OPTIONS_H

#include "measure.h"
#include "cli/shape.h"

#include <string>
#include <vector>

namespace bench {

struct Options {
    std::vector<std::string> shapes;
    tool::CustomShape custom;
    Selection selection;
    std::string dtype, pack, json;
    bool list = false;
};

// False: --help was asked for and has been answered. Throws CLI::ParseError.
bool parse(int argc, char **argv, Options &options);

// What to measure: the shapes asked for, or all that the pack names.
std::vector<tool::Shape> shapes_of(const attune_pack *pack, const Options &options);

}  // namespace bench
#endif
