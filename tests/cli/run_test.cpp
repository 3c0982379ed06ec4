// attune run: results, every exit status with a malformed case folder, and no file left behind.
#include "support.h"

#include "cli/convert.h"
#include "cli/fault.h"
#include "cli/npy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace {

using nlohmann::json;

float x_at(int i) { return float(i) / 8; }

TEST(Run, WritesEveryOutputThatIsAskedFor) {
    Folder folder, out;
    write_case(folder, good_case());
    tool::Output output = run_case(folder.path(), out.path());
    ASSERT_EQ(output.status, 0) << output.text;
    EXPECT_EQ(output.text, "");
    EXPECT_EQ(out.files(), 2u);
    tool::Array y = tool::read_npy(out / "y.npy"), sum = tool::read_npy(out / "sum.npy");
    EXPECT_EQ(y.shape(), (std::vector<int64_t>{2, 3, 4}));
    EXPECT_EQ(sum.shape(), (std::vector<int64_t>{2, 3}));
    for (int row = 0; row < 6; row++) {
        float weight = float(row + 1);  // alpha 1 / sqrt(4) times 2^1 is 1
        float total = 0;
        for (int i = row * 4; i < row * 4 + 4; i++) {
            EXPECT_EQ(y.as<float>()[i], weight * x_at(i));
            total += weight * x_at(i);
        }
        EXPECT_FLOAT_EQ(sum.as<float>()[row], total);
    }
}

TEST(Run, PassesAttributesOfEveryType) {
    Folder folder, out;
    json description = good_case();
    description["attrs"] = {{"alpha", 3}, {"power", -1}, {"negate", 1}, {"mode", "doubled"}};
    description["inputs"] = {"x", "start"};
    write_case(folder, description);
    ASSERT_EQ(run_case(folder.path(), out.path()).status, 0);
    tool::Array y = tool::read_npy(out / "y.npy");
    for (int i = 0; i < 24; i++) {
        bool before_start = i >= 12 && i < 20;  // start = {0, 2}
        EXPECT_EQ(y.as<float>()[i], before_start ? 0 : -3 * x_at(i)) << i;
    }
}

TEST(Run, RoundsStorageToSixteenBitsAndWritesFloat32) {
    Folder folder, out;
    json description = good_case();
    description["inputs"] = {"x"};
    write_case(folder, description);
    tool::write_npy(folder / "x.npy", floats({1, 1, 4}, {1.0003f, 1e-8f, 70000, 2049}));
    ASSERT_EQ(run_case(folder.path(), out.path(), {"--dtype", "f16"}).status, 0);
    tool::Array y = tool::read_npy(out / "y.npy");
    EXPECT_EQ(y.dtype(), ATTUNE_F32);
    EXPECT_EQ(y.as<float>()[0], 1);
    EXPECT_EQ(y.as<float>()[1], 0);
    EXPECT_EQ(y.as<float>()[2], INFINITY);
    EXPECT_EQ(y.as<float>()[3], 2048);
}

TEST(Run, SizesOutputsByFormulasAndRules) {
    for (bool packed : {false, true}) {
        Folder folder, out;
        json description = {{"op", "parts"},
                            {"attrs", {{"size", 2}}},
                            {"inputs", {"x", "len"}},
                            {"outputs", {"part"}}};
        if (packed) description["inputs"].push_back("cu");
        write_case(folder, description);
        if (packed) tool::write_npy(folder / "x.npy", floats({3, 2}, {1, 2, 3, 4, 5, 6}));
        tool::write_npy(folder / "len.npy", integers({2}, {3, 3}));
        tool::write_npy(folder / "cu.npy", integers({3}, {0, 1, 3}));
        tool::Output output = run_case(folder.path(), out.path());
        ASSERT_EQ(output.status, 0) << output.text;
        tool::Array part = tool::read_npy(out / "part.npy");
        std::vector<int64_t> shape = {2, 2, 4};
        if (packed) shape = {2, 2};
        EXPECT_EQ(part.shape(), shape);
        EXPECT_EQ(part.as<float>()[0], packed ? 4 : x_at(0) + x_at(4));
        EXPECT_EQ(part.as<float>()[shape.back()], packed ? 5 : x_at(8));
    }
}

TEST(Run, LeavesOutWhatIsNotAskedFor) {
    Folder folder, out;
    json description = good_case();
    description["outputs"] = {"sum"};
    write_case(folder, description);
    ASSERT_EQ(run_case(folder.path(), out.path()).status, 0);
    EXPECT_EQ(out.files(), 1u);
    EXPECT_TRUE(std::filesystem::exists(out / "sum.npy"));
}

struct Wrong {
    const char *name;
    int status;
    std::string says;  // a part of the line on stderr
    std::function<void(json &, const Folder &)> spoil;
    std::vector<std::string> options = {};
};

class RunWrong : public testing::TestWithParam<Wrong> {};

TEST_P(RunWrong, EndsWithItsStatusOneLineAndNoFile) {
    Folder folder, out;
    json description = good_case();
    write_case(folder, description);
    if (GetParam().spoil) {
        GetParam().spoil(description, folder);
        if (!description.is_null()) write_text(folder / "case.json", description.dump());
    }
    tool::Output output = run_case(folder.path(), out.path(), GetParam().options);
    EXPECT_EQ(output.status, GetParam().status) << output.text;
    EXPECT_NE(output.text.find(GetParam().says), std::string::npos) << output.text;
    EXPECT_EQ(std::count(output.text.begin(), output.text.end(), '\n'), 1) << output.text;
    EXPECT_EQ(out.files(), 0u);
}

using Spoil = std::function<void(json &, const Folder &)>;

Spoil set(const char *key, json value) {
    return [=](json &description, const Folder &) { description[key] = value; };
}

Spoil attribute(const char *name, json value) {
    return [=](json &description, const Folder &) { description["attrs"][name] = value; };
}

Spoil without(const char *key) {
    return [=](json &description, const Folder &) { description.erase(key); };
}

Spoil text(const std::string &content) {
    return [=](json &description, const Folder &folder) {
        write_text(folder / "case.json", content);
        description = nullptr;
    };
}

Spoil file(const char *name, const std::string &content) {
    return [=](json &, const Folder &folder) { write_text(folder / name, content); };
}

Spoil missing(const char *name) {
    return [=](json &description, const Folder &folder) {
        std::filesystem::remove(folder / name);
        if (std::string(name) == "case.json") description = nullptr;
    };
}

template <class Make>
Spoil tensor(const char *name, Make make) {
    return [=](json &, const Folder &folder) {
        tool::write_npy(folder / (std::string(name) + ".npy"), make());
    };
}

tool::Array zeros(std::vector<int64_t> shape, attune_dtype dtype = ATTUNE_F32) {
    return tool::Array(std::move(shape), dtype);
}

INSTANTIATE_TEST_SUITE_P(
    Description, RunWrong,
    testing::Values(Wrong{"no_case_json", 2, "case.json", missing("case.json")},
                    Wrong{"empty_json", 2, "case.json", text("")},
                    Wrong{"truncated_json", 2, "case.json", text("{\"op\": \"row_sc")},
                    Wrong{"json_list", 2, "case.json", text("[1]")},
                    Wrong{"huge_number", 2, "case.json", text("{\"op\": 1e999}")},
                    Wrong{"no_op", 2, "\"op\"", without("op")},
                    Wrong{"no_attrs", 2, "\"attrs\"", without("attrs")},
                    Wrong{"no_inputs", 2, "\"inputs\"", without("inputs")},
                    Wrong{"no_outputs", 2, "\"outputs\"", without("outputs")},
                    Wrong{"op_number", 2, "\"op\"", set("op", 3)},
                    Wrong{"inputs_object", 2, "\"inputs\"", set("inputs", json::object())},
                    Wrong{"inputs_numbers", 2, "\"inputs\"", set("inputs", {1, 2})},
                    Wrong{"input_twice", 2, "twice", set("inputs", {"x", "x"})},
                    Wrong{"unknown_op", 2, "unknown op flash", set("op", "flash")},
                    Wrong{"unknown_input", 2, "unknown input z", set("inputs", {"x", "z"})},
                    Wrong{"unknown_output", 2, "unknown output z", set("outputs", {"y", "z"})},
                    Wrong{"output_as_input", 2, "unknown input y", set("inputs", {"x", "y"})},
                    Wrong{"input_as_output", 2, "unknown output x", set("outputs", {"x"})},
                    Wrong{"path_as_name", 2, "unknown input", set("inputs", {"../x"})},
                    Wrong{"required_input", 2, "input x", set("inputs", {"w"})}),
    [](const auto &info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Attributes, RunWrong,
    testing::Values(Wrong{"unknown", 2, "unknown attribute gamma", attribute("gamma", 1)},
                    Wrong{"required", 2, "power", set("attrs", json::object())},
                    Wrong{"float_for_int", 2, "power", attribute("power", 1.5)},
                    Wrong{"text_for_int", 2, "power", attribute("power", "1")},
                    Wrong{"int_too_large", 2, "power", attribute("power", 5000000000)},
                    Wrong{"int_out_of_range", 2, "power", attribute("power", 9)},
                    Wrong{"int_not_given_value", 2, "power", attribute("power", -2147483648LL)},
                    Wrong{"text_for_float", 2, "alpha", attribute("alpha", "big")},
                    Wrong{"float_too_large", 2, "alpha", attribute("alpha", 1e300)},
                    Wrong{"float_out_of_range", 2, "alpha", attribute("alpha", 1e7)},
                    Wrong{"null", 2, "alpha", attribute("alpha", nullptr)},
                    Wrong{"flag_two", 2, "negate", attribute("negate", 2)},
                    Wrong{"enum_number", 2, "mode", attribute("mode", 1)},
                    Wrong{"enum_unknown", 2, "plain, doubled", attribute("mode", "tripled")}),
    [](const auto &info) { return info.param.name; });

// No elements, but strides that overflow.
constexpr const char *HUGE_SHAPE = "(4294967296, 4294967296, 0)";

INSTANTIATE_TEST_SUITE_P(
    Files, RunWrong,
    testing::Values(Wrong{"missing", 2, "x.npy", missing("x.npy")},
                    Wrong{"empty", 2, "x.npy", file("x.npy", "")},
                    Wrong{"not_npy", 2, "w.npy", file("w.npy", "no array")},
                    Wrong{"int_for_float", 2, "i32, expected f32",
                          tensor("x",
                                 [] {
                                     return zeros({2, 3, 4}, ATTUNE_I32);
                                 })},
                    Wrong{"float_for_int", 2, "f32, expected i32",
                          [](json &description, const Folder &folder) {
                              description["inputs"] = {"x", "start"};
                              tool::write_npy(folder / "start.npy", floats({2}, {0, 0}));
                          }},
                    Wrong{"rank", 2, "[B, L, D]",
                          tensor("x",
                                 [] {
                                     return zeros({6, 4});
                                 })},
                    Wrong{"extent", 2, "w",
                          tensor("w",
                                 [] {
                                     return zeros({2, 4});
                                 })},
                    Wrong{"output_too_large", 2, "too large",
                          file("x.npy", npy_text(npy_header("<f4", "False", HUGE_SHAPE), ""))},
                    Wrong{"index_out_of_range", 2, "start",
                          [](json &description, const Folder &folder) {
                              description["inputs"] = {"x", "start"};
                              tool::write_npy(folder / "start.npy", integers({2}, {0, 4}));
                          }}),
    [](const auto &info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Options, RunWrong,
    testing::Values(Wrong{"unknown_option", 2, "--fast", nullptr, {"--fast"}},
                    Wrong{"unknown_dtype", 2, "f64", nullptr, {"--dtype", "f64"}},
                    Wrong{"unknown_target", 2, "mips", nullptr, {"--target", "mips"}},
                    Wrong{"negative_threads", 2, "--threads", nullptr, {"--threads", "-1"}},
                    Wrong{"missing_pack", 2, "nowhere.so", nullptr, {"--pack", "/nowhere.so"}},
                    Wrong{"not_a_pack", 3, "registers no pack", nullptr, {"--pack", LIBATTUNE}},
                    Wrong{"no_kernel_of_dtype", 3, "no kernel", nullptr, {"--dtype", "bf16"}},
                    Wrong{"no_kernel_of_name", 3, "no kernel", nullptr, {"--kernel", "nothing"}},
                    Wrong{"no_kernel_of_shape", 3, "no kernel",
                          [](json &description, const Folder &folder) {
                              description["inputs"] = {"x"};
                              tool::write_npy(folder / "x.npy", zeros({1, 1, 5000}));
                          }},
                    Wrong{"no_kernel_of_target", 3, "opencl", nullptr, {"--target", "opencl"}}),
    [](const auto &info) { return info.param.name; });

TEST(Run, NoPackAtAllIsNotTheCallersFault) {
    Folder folder, out;
    write_case(folder, good_case());
    tool::Output output = tool::output_of({"env", "ATTUNE_PACK=/nowhere.so", ATTUNE_PROGRAM, "run",
                                           "--case", folder.path(), "--out", out.path()});
    EXPECT_EQ(output.status, 3) << output.text;
    EXPECT_EQ(out.files(), 0u);
}

TEST(Run, OutThatIsAFileIsTheCallersFault) {
    Folder folder;
    write_case(folder, good_case());
    write_text(folder / "file", "kept");
    EXPECT_EQ(run_case(folder.path(), folder / "file").status, 2);
    EXPECT_EQ(read_text(folder / "file"), "kept");
}

TEST(Run, OutputThatCannotBeWrittenLeavesNone) {
    Folder folder, out;
    write_case(folder, good_case());
    std::filesystem::create_directory(out / "sum.npy");  // y.npy could be written
    tool::Output output = run_case(folder.path(), out.path());
    EXPECT_EQ(output.status, 1) << output.text;
    EXPECT_EQ(out.files(), 1u);
}

}  // namespace
