// Numbers of schedules given as text: what is no schedule is refused before anything is compiled.
#include "schedules/params.h"

#include <gtest/gtest.h>

namespace attune {
namespace {

Params given(const std::string &text) {
    return with_overrides(tuned_params({"avx2", "dense", "plain", 64}), text);
}

std::string refusal(const std::string &text) {
    try {
        given(text);
    } catch (const std::invalid_argument &e) {
        return e.what();
    }
    return "";
}

TEST(Overrides, ReplaceWhatTheyName) {
    const Params recorded = given(""), p = given("query_tile=16 key_chunk=120 key_step=6");
    EXPECT_EQ(p.query_tile, 16);
    EXPECT_EQ(p.key_chunk, 120);
    EXPECT_EQ(p.key_step, 6);
    EXPECT_EQ(p.columns, recorded.columns);
    EXPECT_EQ(given(p.text()).text(), p.text());
}

TEST(Overrides, WhatIsNoNumberIsRefused) {
    for (const char *text : {"query_tile", "query_tile=", "query_tile=x", "query_tile=16x",
                             "query_tile=16,key_chunk=128", "tile=16", "=16", "query_tile=-16",
                             "query_tile=99999999999", "query_tile=1.5"})
        EXPECT_NE(refusal(text).find(text), std::string::npos) << text;
}

// A list in a record fits what is in it.
TEST(Records, OfDecodingWinForEachTarget) {
    for (const char *target : {"x86-64", "avx2", "avx512", "avx512_bf16", "avx512_amx", "aarch64"})
        for (const char *special : {"decode", "decode_any", "paged_decode", "paged_decode_any",
                                    "group", "group_any", "paged_group", "paged_group_any"})
            EXPECT_EQ(tuned_params({target, "dense", special, 64}).columns_on_lanes, 1)
                << target << " " << special;
    EXPECT_GT(tuned_params({"avx2", "tls_bidir", "means", 64}).tile_rows, 0);
}

// A stage has the numbers of a record of its name, and only of such a one.
TEST(Stages, HaveRecordsOrTheKernelsNumbers) {
    const ParamsKey key{"avx512", "tls_bidir", "plain", 64};
    const Params kernel = with_overrides(tuned_params(key), "query_tile=48");
    EXPECT_EQ(stage_params(key, "others", kernel).text(), kernel.text());
    const Params means = stage_params(key, "means", kernel);
    EXPECT_NE(means.text(), kernel.text());
    EXPECT_EQ(means.text(), tuned_params({"avx512", "tls_bidir", "means", 64}).text());
}

TEST(Overrides, TilesFillABlock) {
    EXPECT_EQ(given("query_tile=48 tile_rows=24").tile_rows, 24);
    const std::string message = refusal("query_tile=48 tile_rows=32");
    EXPECT_NE(message.find("tile_rows 32 does not divide query_tile 48"), std::string::npos);
    // Those of a record go with its block.
    const Params recorded = tuned_params({"avx2", "tls_bidir", "plain", 64});
    EXPECT_EQ(with_overrides(recorded, "query_tile=24").tile_rows, 0);
    EXPECT_EQ(with_overrides(recorded, "query_tile=128").tile_rows, recorded.tile_rows);
}

// The last keys of each chunk would get no scores.
TEST(Overrides, KeyStepsFillAChunk) {
    const std::string message = refusal("key_chunk=128 key_step=6");
    EXPECT_NE(message.find("key_step 6 does not divide key_chunk 128"), std::string::npos);
    EXPECT_NE(refusal("query_tile=0"), "");
    EXPECT_NE(refusal("key_chunk=0"), "");
}

}  // namespace
}  // namespace attune
