// Kernels for a machine that no test runs on: that they are made, and of which instructions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "codegen/kernel.h"

namespace attune {
namespace {

// The machine code of a bf16 kernel of dense attention for CPUs with AMX.
std::vector<uint8_t> compiled(const std::string &special, int head_dim) {
    const Variant v = dense();
    const auto found = std::find_if(v.specials.begin(), v.specials.end(),
                                    [&](const Special &s) { return s.name == special; });
    Kernel k{&v, *found, head_dim, target_class("avx512_amx"), "bf16", {}};
    k.params = tuned_params({k.target.name, v.name, special, head_dim});
    const std::string path = testing::TempDir() + "attune_tiles_" + special + ".o";
    compile_kernel(k, "attune_tiles_test", path);
    std::ifstream file(path, std::ios::binary);
    std::vector<uint8_t> code{std::istreambuf_iterator<char>(file), {}};
    std::filesystem::remove(path);
    return code;
}

// TDPBF16PS of three registers: VEX.128.F3.0F38.W0 5C (Intel SDM, volume 2).
int tile_products(const std::vector<uint8_t> &code) {
    int count = 0;
    for (size_t i = 0; i + 5 <= code.size(); i++)
        count += code[i] == 0xc4 && (code[i + 1] & 0x1f) == 2 && (code[i + 2] & 0x87) == 2 &&
                 code[i + 3] == 0x5c && code[i + 4] >= 0xc0;
    return count;
}

TEST(Tiles, BothProductsOfAHeadSizeThatTheyDivide) {
    EXPECT_EQ(tile_products(compiled("plain", 64)), 2);
    EXPECT_EQ(tile_products(compiled("band", 32)), 2);
}

TEST(Tiles, NoneForOtherHeadSizes) {
    EXPECT_EQ(tile_products(compiled("plain", 48)), 0);
    EXPECT_EQ(tile_products(compiled("generic", 0)), 0);
}

}  // namespace
}  // namespace attune
