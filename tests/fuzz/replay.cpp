// Replays a corpus, then random inputs, without libFuzzer:
//     attune_test_fuzz CORPUS [COUNT [SEED]]
// A crash or a fault names the input: a file, or a seed and a number that repeat it as
//     attune_test_fuzz CORPUS 1 SEED NUMBER
#include "crash.h"
#include "fuzz_call.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

namespace {

using Input = std::vector<std::uint8_t>;

bool holds(const std::string &name, const Input &input) {
    attune::tests::now_running(name);
    const std::string fault = attune::tests::fuzz_call(input.data(), input.size());
    if (!fault.empty()) std::fprintf(stderr, "%s: %s\n", name.c_str(), fault.c_str());
    return fault.empty();
}

Input read(const std::filesystem::path &path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

Input random_input(unsigned long seed, unsigned long number) {
    std::mt19937_64 engine(seed * 1000003 + number);
    Input input(20 + engine() % 200);
    for (std::uint8_t &byte : input) byte = static_cast<std::uint8_t>(engine());
    return input;
}

std::vector<std::filesystem::path> files_of(const char *folder) {
    std::vector<std::filesystem::path> files;
    for (const auto &entry : std::filesystem::directory_iterator(folder))
        if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

int main(int argc, char **argv) {
    if (argc < 2 || argc > 5) {
        std::fprintf(stderr, "usage: attune_test_fuzz CORPUS [COUNT [SEED [FIRST]]]\n");
        return 2;
    }
    const auto argument = [&](int index, unsigned long absent) {
        return argc > index ? std::strtoul(argv[index], nullptr, 10) : absent;
    };
    const unsigned long count = argument(2, 5000), seed = argument(3, 1), first = argument(4, 0);
    int faults = 0, files = 0;
    for (const std::filesystem::path &file : files_of(argv[1])) {
        faults += !holds(file.string(), read(file));
        ++files;
    }
    for (unsigned long n = first; n < first + count; ++n)
        faults += !holds("seed " + std::to_string(seed) + " number " + std::to_string(n),
                         random_input(seed, n));
    std::printf("%d files and %lu random inputs, %d faults\n", files, count, faults);
    return faults ? 1 : 0;
}
