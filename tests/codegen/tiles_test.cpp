// Register tiles: which instructions they become on a machine that no test runs on, and which are
// refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "codegen/kernel.h"

namespace attune {
namespace {

// A kernel of dense attention.
Kernel kernel_of(const Variant &dense, const std::string &special, int head_dim,
                 const std::string &target, const std::string &dtype) {
    const auto found = std::find_if(dense.specials.begin(), dense.specials.end(),
                                    [&](const Special &s) { return s.name == special; });
    Kernel k{&dense, *found, head_dim, target_class(target), dtype, {}};
    k.params = tuned_params({k.target.name, dense.name, special, head_dim});
    return k;
}

// The machine code of a bf16 kernel for CPUs with AMX. rows: of a tile; 0: the record's.
std::vector<uint8_t> compiled(const std::string &special, int head_dim, int rows = 0) {
    const Variant v = dense();
    Kernel k = kernel_of(v, special, head_dim, "avx512_amx", "bf16");
    if (rows) k.params.query_tile = k.params.tile_rows = rows;
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

TEST(Tiles, NoneOfSixteenRows) {
    EXPECT_EQ(tile_products(compiled("plain", 64, 16)), 0);
    EXPECT_EQ(tile_products(compiled("plain", 64, 32)), 2);
}

// Rows of queries are on the lanes: whole vectors of them, or half of one.
TEST(Tiles, OfRowsThatFillNoHalfVectorAreRefused) {
    const Variant v = dense();
    for (const char *target : {"x86-64", "avx2", "avx512"}) {
        Kernel k = kernel_of(v, "plain", 64, target, "f32");
        const int lanes = k.target.lanes;
        for (const int rows : {1, lanes / 2 + 1, lanes * 2 + 1}) {
            k.params.query_tile = rows, k.params.tile_rows = 0;
            try {
                compile_kernel(k, "attune_tiles_test", testing::TempDir() + "attune_rows.o");
                FAIL() << rows << " rows on " << target;
            } catch (const std::invalid_argument &e) {
                const std::string what = e.what();
                EXPECT_NE(what.find("tile_rows " + std::to_string(rows)), std::string::npos)
                    << what;
                EXPECT_NE(what.find(std::to_string(lanes) + " lanes"), std::string::npos) << what;
            }
        }
    }
}

}  // namespace
}  // namespace attune
