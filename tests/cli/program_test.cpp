// The other subcommands and attune-bench, from outside.
#include "support.h"

#include "cli/disassembly.h"

#include <gtest/gtest.h>

namespace {

using nlohmann::json;

class Help : public testing::TestWithParam<const char *> {};

TEST_P(Help, TeachesByExample) {
    std::vector<std::string> arguments = {GetParam(), "--help"};
    tool::Output output = attune(arguments);
    EXPECT_EQ(output.status, 0) << output.text;
    EXPECT_NE(output.text.find("Example"), std::string::npos) << output.text;
}

INSTANTIATE_TEST_SUITE_P(Subcommands, Help,
                         testing::Values("run", "list", "bench", "inspect", "doctor"));

TEST(Attune, HelpNamesEverySubcommand) {
    tool::Output output = attune({"--help"});
    EXPECT_EQ(output.status, 0);
    for (const char *name : {"run", "list", "bench", "generate", "inspect", "doctor"})
        EXPECT_NE(output.text.find(std::string("attune ") + name), std::string::npos) << name;
}

TEST(Attune, WrongCommandLines) {
    EXPECT_EQ(attune({}).status, 2);
    EXPECT_EQ(attune({"flash"}).status, 2);
    EXPECT_EQ(attune({"list", "--fast"}).status, 2);
    EXPECT_EQ(attune({"run"}).status, 2);
    EXPECT_EQ(attune({"inspect"}).status, 2);
    EXPECT_EQ(attune({"inspect", "--shape", "none"}).status, 2);
    EXPECT_EQ(attune({"bench", "--shape", "none"}).status, 2);
    EXPECT_EQ(attune({"bench", "--fast"}).status, 2);
}

TEST(List, JsonDescribesTheVariant) {
    json pack = json::parse(attune({"list", "--json", "--kernels"}).text);
    const json &variant = pack.at("variants").at(0);
    EXPECT_EQ(variant["name"], "row_scale");
    EXPECT_EQ(variant["inputs"][0]["shape"], json({"B", "L", "D"}));
    EXPECT_EQ(variant["inputs"][1]["optional"], true);
    EXPECT_EQ(variant["attributes"][0]["default"], "1/sqrt(D)");
    EXPECT_EQ(variant["attributes"][1]["required"], true);
    EXPECT_EQ(variant["attributes"][3]["choices"], json({"plain", "doubled"}));
    EXPECT_EQ(variant["dtypes"], json({"f32", "f16"}));
    EXPECT_EQ(variant["kernels"].size(), 3u);
    EXPECT_EQ(variant["shapes"][0]["name"], "row_scale_small");
    const json &parts = pack["variants"][1];
    EXPECT_EQ(parts["derived"], json({{"B+1", "B + 1"}, {"S", "ceil(L/size)"}}));
    EXPECT_EQ(parts["rules"][1], "part has as many dimensions as x");
}

TEST(Doctor, JsonNamesThePack) {
    bool pack = false;
    for (const json &item : json::parse(attune({"doctor", "--json"}).text))
        pack |= item["name"] == "pack" && item["found"].get<bool>();
    EXPECT_TRUE(pack);
}

TEST(Inspect, TellsWhyAKernelIsChosen) {
    tool::Output output = attune({"inspect", "--shape", "row_scale_small", "--json"});
    ASSERT_EQ(output.status, 0) << output.text;
    json report = json::parse(output.text);
    EXPECT_EQ(report["kernel"], "row_scale_f32_any");
    ASSERT_EQ(report["choice"].size(), 2u);
    EXPECT_EQ(report["choice"][0]["kernel"], "row_scale_f32_wide");
    EXPECT_EQ(report["choice"][0]["conditions"][0]["holds"], false);
    EXPECT_EQ(report["choice"][1]["chosen"], true);
    EXPECT_EQ(report["roofline"]["pairs"], 2 * 64 * 32);
    EXPECT_EQ(report["roofline"]["bytes"], 2 * 2 * 64 * 32 * 4);
    EXPECT_GT(report["roofline"]["roof_gflops"], 0);
}

TEST(Bench, WritesARowWithEveryFieldOfTheContract) {
    Folder folder;
    tool::Output output = attune({"bench", "--shape", "row_scale_small", "--json", folder / "r"});
    ASSERT_EQ(output.status, 0) << output.text;
    json rows = json::parse(read_text(folder / "r"));
    ASSERT_EQ(rows.size(), 1u);
    for (const char *field :
         {"ms_min", "ms_median", "spread", "scratch_mb", "gflops", "share_of_fma_peak",
          "bandwidth_gb_s", "share_of_bandwidth", "share_of_roofline", "threads"})
        EXPECT_TRUE(rows[0].at(field).is_number()) << field;
    for (const char *field : {"shape", "variant", "dtype", "target", "kernel", "machine"})
        EXPECT_TRUE(rows[0].at(field).is_string()) << field;
    EXPECT_LE(rows[0]["ms_min"], rows[0]["ms_median"]);
}

TEST(Bench, MissingKernelIsAStatusIfAskedForAndALineIfNot) {
    EXPECT_EQ(attune({"bench", "--shape", "row_scale_small_bf16"}).status, 3);
    tool::Output all = attune({"bench"});
    EXPECT_EQ(all.status, 0);
    EXPECT_NE(all.text.find("row_scale_small_bf16"), std::string::npos);
}

TEST(Bench, ScheduleSelectsAKernel) {
    std::vector<std::string> call = {"bench",        "--variant", "row_scale", "--size",
                                     "b=1,l=8,d=64", "--attr",    "power=0",   "--schedule"};
    auto with = [&](const char *schedule) {
        std::vector<std::string> arguments = call;
        arguments.push_back(schedule);
        return attune(arguments);
    };
    EXPECT_NE(with("UNROLL=2").text.find("row_scale_f32_wide"), std::string::npos);
    tool::Output unroll_1 = with("UNROLL=1");
    EXPECT_EQ(unroll_1.status, 0) << unroll_1.text;
    EXPECT_NE(unroll_1.text.find("row_scale_f32_any"), std::string::npos) << unroll_1.text;
    EXPECT_EQ(with("UNROLL=9").status, 3);
}

#if defined(__x86_64__)
// The yardstick loops are kernels whose inner loop is known.
TEST(Disassembly, CountsTheMultiplyAddsOfAnInnerLoop) {
    struct Known {
        const char *name;
        int multiply_adds;
    };
    for (Known known : {Known{"fma_sse", 14}, Known{"fma_avx2", 12}, Known{"fma_avx512", 24}}) {
        auto symbols = tool::kernel_symbols(BENCH_PROGRAM, known.name, {});
        ASSERT_EQ(symbols.size(), 1u) << known.name;
        std::vector<tool::Loop> loops = tool::inner_loops(BENCH_PROGRAM, symbols);
        ASSERT_FALSE(loops.empty()) << known.name;
        EXPECT_EQ(loops[0].multiply_adds, known.multiply_adds);
        EXPECT_EQ(loops[0].stack_stores + loops[0].stack_loads, 0) << known.name;
    }
}
#endif

TEST(Programs, DoNotLoadTheCompiler) {
    for (const char *program : {ATTUNE_PROGRAM, BENCH_PROGRAM}) {
        tool::Output libraries = tool::output_of({"ldd", program});
        ASSERT_EQ(libraries.status, 0);
        EXPECT_NE(libraries.text.find("libattune.so"), std::string::npos) << libraries.text;
        EXPECT_EQ(libraries.text.find("Halide"), std::string::npos) << libraries.text;
    }
}

}  // namespace
