// attune inspect --pattern, on the fixture pack and on kernels of the default pack.
#include "support.h"

#include "cli/fault.h"
#include "cli/pattern_svg.h"

#include <gtest/gtest.h>

namespace {

using nlohmann::json;
using Strings = std::vector<std::string>;

// Rows of influences: a row of the output each, a token of the input in each place.
using Influence = std::vector<std::vector<double>>;

tool::Output inspect(const Folder &folder, Strings arguments) {
    arguments.insert(arguments.begin(), "inspect");
    for (const char *more : {"--pattern", "p.svg", "--json"})
        arguments.push_back(more == std::string("p.svg") ? folder / more : more);
    return attune(arguments);
}

Influence influence(const Strings &arguments) {
    Folder folder;
    tool::Output output = inspect(folder, arguments);
    EXPECT_EQ(output.status, 0) << output.text;
    if (output.status != 0) return {};
    return json::parse(output.text).at("influence").get<Influence>();
}

// The default pack of the build, or nothing where it lacks the variant.
Influence of_default(const std::string &variant, Strings arguments) {
    arguments.insert(arguments.end(), {"--variant", variant, "--pack", DEFAULT_PACK});
    tool::Output list = attune({"list", "--json", "--pack", DEFAULT_PACK});
    if (list.text.find("\"name\": \"" + variant + "\"") == std::string::npos) return {};
    return influence(arguments);
}

TEST(Pattern, IsTheDiagonalWhereRowsSeeThemselves) {
    Influence rows = influence({"--variant", "row_scale", "--size", "b=2,l=5,d=4", "--attr",
                                "power=1", "--of", "x"});  // alpha = 1/sqrt(4), times 2^1
    ASSERT_EQ(rows.size(), 5u);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++) EXPECT_NEAR(rows[i][j], i == j, 1e-6) << i << " " << j;
}

TEST(Pattern, LeavesOutTheDimensionThatACallLacks) {
    for (const char *shape : {"parts_small", "parts_packed"}) {  // x [B, L, D], and [L, D]
        Influence rows = influence({"--shape", shape, "--of", "x"});
        ASSERT_EQ(rows.size(), 3u) << shape;
        for (size_t i = 0; i < 3; i++)
            for (size_t j = 0; j < 8; j++) EXPECT_EQ(rows[i][j] > 0, j / 3 == i) << shape;
    }
}

TEST(Pattern, OfACausalDenseKernelHasNothingAboveTheDiagonal) {
    Influence rows = of_default("dense", {"--size", "b=1,l=40,h=2,d=16", "--attr", "causal=1"});
    if (rows.empty()) GTEST_SKIP();
    for (size_t i = 0; i < 40; i++) {
        double sum = 0;
        for (size_t j = 0; j < 40; j++) {
            EXPECT_EQ(rows[i][j] > 0, j <= i) << i << " " << j;
            sum += rows[i][j];  // the largest weights of two heads: 1 and a little
        }
        EXPECT_NEAR(sum, 1, 0.1) << i;
    }
}

TEST(Pattern, OfAWindowHasItsWidth) {
    Influence rows =
        of_default("dense", {"--size", "b=1,l=40,h=2,d=16", "--attr", "left=5,right=2"});
    if (rows.empty()) GTEST_SKIP();
    for (int i = 0; i < 40; i++)
        for (int j = 0; j < 40; j++)
            EXPECT_EQ(rows[size_t(i)][size_t(j)] > 0, i - 5 <= j && j <= i + 2) << i << " " << j;
}

TEST(Pattern, OfSummariesIsPalerThanThatOfKeys) {
    Influence rows =
        of_default("combiner_fixed", {"--size", "b=1,l=32,h=1,d=16", "--attr", "M=8,causal=1"});
    if (rows.empty()) GTEST_SKIP();
    for (size_t j = 0; j < 32; j++) EXPECT_EQ(rows[20][j] > 0, j <= 20);
    for (size_t j = 0; j < 16; j++) EXPECT_LT(rows[20][j], rows[20][17] / 4);
}

TEST(Pattern, OfAMaskThatIsGivenHasNothingMasked) {
    Influence rows = of_default("dense", {"--size", "b=1,l=9,h=1,d=16", "--with", "mask"});
    if (rows.empty()) GTEST_SKIP();
    for (const std::vector<double> &row : rows)
        for (double influence : row) EXPECT_GT(influence, 0);
}

TEST(Pattern, IsASmallPicture) {
    Folder folder;
    tool::Output output = inspect(folder, {"--shape", "parts_small", "--of", "x"});
    ASSERT_EQ(output.status, 0) << output.text;
    const std::string svg = read_text(folder / "p.svg");
    EXPECT_EQ(svg.compare(0, 5, "<svg "), 0);
    EXPECT_LT(svg.size(), 6000u);
    for (const char *text : {">parts<", ">B=2 L=8 D=4, size=3<", ">token of x<", ">row of part<",
                             ">0: not seen<", ">1<"})
        EXPECT_NE(svg.find(text), std::string::npos) << text;
    Strings open;  // every element ends, in order
    for (size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
        const std::string tag = svg.substr(at + 1, svg.find('>', at) - at - 1);
        const std::string name = tag.substr(0, tag.find_first_of(" \n"));
        if (tag.back() == '/') continue;
        if (tag[0] != '/') {
            open.push_back(name);
            continue;
        }
        ASSERT_FALSE(open.empty());
        EXPECT_EQ("/" + open.back(), name);
        open.pop_back();
    }
    EXPECT_TRUE(open.empty());
}

TEST(Pattern, MergesRunsAndNamesShares) {
    tool::Pattern pattern;
    pattern.of = "v", pattern.output = "o<1>";
    pattern.tokens = pattern.rows = 64;
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++) pattern.influence.push_back(j <= i ? 0.5 : j == 63 ? 0.06 : 0);
    const std::string svg = tool::pattern_svg(pattern, "a & b", "");
    EXPECT_NE(svg.find("M0 0h1M0 1h2M0 2h3"), std::string::npos);
    EXPECT_NE(svg.find("M63 0v63"), std::string::npos);  // the shorter way
    for (const char *share : {">1<", ">1/8<", ">0: not seen<"})
        EXPECT_NE(svg.find(share), std::string::npos) << share;
    EXPECT_EQ(svg.find(">1/16<"), std::string::npos);
    EXPECT_NE(svg.find("a &amp; b"), std::string::npos);
    EXPECT_NE(svg.find("row of o&lt;1&gt;"), std::string::npos);
}

TEST(Pattern, RefusesWhatItCannotDraw) {
    struct Case {
        Strings arguments;
        int status;
        const char *says;
    };
    const Strings one = {"--variant", "row_scale", "--attr", "power=1", "--size"};
    auto sized = [&](const char *size, Strings more) {
        Strings arguments = one;
        arguments.push_back(size);
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    };
    for (const Case &c : {
             Case{sized("b=1,l=8,d=4", {}), 2, "row_scale has no input v: --of NAME"},
             Case{sized("b=1,l=8,d=4", {"--of", "w"}), 2, "w: not an input of this call"},
             Case{sized("b=1,l=8,d=4", {"--of", "y"}), 2, "y: not an input of this call"},
             Case{sized("b=1,l=8,d=4", {"--of", "w", "--with", "w"}), 2, "w has no dimension of"},
             Case{sized("b=1,l=257,d=4", {"--of", "x"}), 2, "x has 257 tokens, expected 1 to 256"},
             Case{sized("b=1,l=0,d=4", {"--of", "x"}), 2, "x has 0 tokens"},
             Case{sized("b=1,l=99999999999,d=99999999999", {"--of", "x"}), 2, "too many tokens"},
             Case{sized("b=1,l=8,d=4", {"--of", "x", "--dtype", "f16"}), 2, "x is f16"},
             Case{sized("b=1,l=8,d=5000", {"--of", "x"}), 3, "row_scale"},
             Case{sized("b=1,l=8,d=4", {"--of", "x", "--asm"}), 2, "--asm"},
             Case{{"--shape", "parts_small", "--of", "len"}, 2, "len is i32, expected f32"},
         }) {
        Folder folder;
        tool::Output output = inspect(folder, c.arguments);
        EXPECT_EQ(output.status, c.status) << output.text;
        EXPECT_NE(output.text.find(c.says), std::string::npos) << output.text;
        EXPECT_EQ(folder.files(), 0u) << c.says;
    }
    EXPECT_EQ(attune({"inspect", "--shape", "parts_small", "--of", "x"}).status, 2);
    Folder folder;
    tool::Output lost = attune(
        {"inspect", "--shape", "parts_small", "--of", "x", "--pattern", folder / "no/p.svg"});
    EXPECT_EQ(lost.status, 1);
    EXPECT_NE(lost.text.find("no/p.svg: cannot be written"), std::string::npos) << lost.text;
}

}  // namespace
