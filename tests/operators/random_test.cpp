// Seeded random calls. A failure prints the command that repeats it:
//     attune_test_random --op dense --seed 1 --config 17
#include "check.h"
#include "machine.h"

#include <cstdlib>
#include <iostream>

namespace attune::tests {
namespace {

struct Flags {
    std::uint64_t seed = 1;
    int first = 0, count = 0;  // configurations; 0: as many as there is time for
    std::string op, dtype;     // empty: all
} flags;

class Random : public testing::TestWithParam<std::string> {};

TEST_P(Random, ObeysTheRule) {
    const std::string &op = GetParam();
    if (!flags.op.empty() && flags.op != op) GTEST_SKIP() << "--op " << flags.op;
    for (const Dtype dtype : dtypes(op, all_targets())) {
        if (!flags.dtype.empty() && flags.dtype != name_of(dtype)) continue;
        // The loops that round are slow, and so are those of summaries: one 16-bit call to four of
        // f32, one of a long-range operator to five of dense attention.
        const int most = flags.count ? flags.count : op.compare(0, 5, "dense") == 0 ? 300 : 60;
        const int count = dtype == Dtype::f32 ? most : (most + 3) / 4;
        for (int n = flags.first; n < flags.first + count; ++n) {
            Config config = random_config(op, flags.seed, n);
            config.dtype = dtype;
            check_everywhere(config, all_targets(),
                             "\nrepeat: attune_test_random --op " + op + " --dtype " +
                                 name_of(dtype) + " --seed " + std::to_string(flags.seed) +
                                 " --config " + std::to_string(n));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Ops, Random, testing::ValuesIn(all_ops()));

// False if the arguments are not understood.
bool parse(int argc, char **argv) {
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) return false;
        const std::string name = argv[i], value = argv[i + 1];
        char *end = nullptr;
        const long number = std::strtol(value.c_str(), &end, 10);
        const bool is_number = end != value.c_str() && !*end && number >= 0;
        if (name == "--op")
            flags.op = value;
        else if (name == "--dtype")
            flags.dtype = value;
        else if (name == "--seed" && is_number)
            flags.seed = static_cast<std::uint64_t>(number);
        else if (name == "--config" && is_number)
            flags.first = static_cast<int>(number), flags.count = 1;
        else if (name == "--configs" && is_number)
            flags.count = static_cast<int>(number);
        else
            return false;
    }
    return true;
}

}  // namespace
}  // namespace attune::tests

int main(int argc, char **argv) {
    testing::InitGoogleTest(&argc, argv);
    if (!attune::tests::parse(argc, argv)) {
        std::cerr << "usage: attune_test_random [--op OP] [--dtype D] [--seed S] "
                     "[--config N | --configs N]\n";
        return 2;
    }
    return RUN_ALL_TESTS();
}
