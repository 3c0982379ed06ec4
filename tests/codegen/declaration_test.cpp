// Formulas of a declaration: how they read, and what the pack's tables say.
#include "codegen/emit.h"

#include <gtest/gtest.h>

namespace {

using attune::given;
using attune::PackPlan;
using attune::rank;
using attune::Type;
using attune::Value;
using attune::Variant;

TEST(Formula, ReadsAsItWasWritten) {
    const Value a("a"), b("b"), c("c");
    EXPECT_EQ((1 / sqrt(Value("D"))).text, "1/sqrt(D)");
    EXPECT_EQ(ceil(Value("Lk") / "split_size").text, "ceil(Lk/split_size)");
    EXPECT_EQ((a - (b - c)).text, "a - (b - c)");
    EXPECT_EQ((a - b - c).text, "a - b - c");
    EXPECT_EQ(((a + b) * c).text, "(a + b)*c");
    EXPECT_EQ((a + b * c).text, "a + b*c");
    EXPECT_EQ((a / (b * c)).text, "a/(b*c)");
    EXPECT_EQ((a - Value(-1)).text, "a - (-1)");
    EXPECT_EQ((Value("B+1") - 1).text, "B+1 - 1");
    EXPECT_EQ((2 * Value("B+1")).text, "2*(B+1)");
    EXPECT_EQ((!(a == b) && (b < c || c >= 1)).text, "!(a == b) && (b < c || c >= 1)");
    EXPECT_EQ(select(given("k"), a, min(b, c)).text, "select(given(k), a, min(b, c))");
    EXPECT_EQ((given("cu_q") == (rank("q") == 3)).text, "given(cu_q) == (rank(q) == 3)");
    EXPECT_EQ(Value().text, "");
    EXPECT_FALSE(Value().given());
}

TEST(Formula, DepthCountsWhatWaits) {
    EXPECT_EQ(Value("a").depth(), 1);
    EXPECT_EQ((Value("a") + "b" + "c").depth(), 2);
    EXPECT_EQ((Value("a") + (Value("b") + "c")).depth(), 3);
    EXPECT_EQ(select(Value("a"), "b", sqrt(Value("c"))).depth(), 3);
}

Variant parts() {
    Variant v("parts", "rows in parts", "none");
    v.input("x", "[B] L D", "rows");
    v.input("cu", "B+1", "first rows", Type::I32).optional(0).offsets("L", "L");
    v.input("len", "B", "rows", Type::I32).range(0, "L");
    v.input("table", "B S", "rows", Type::I32).range(0, Value("L") - 1).used("len", "size");
    v.output("part", "[B] S D", "sums");
    v.integer("size", {}, 1, 64, "rows of a part");
    v.extent("B+1", Value("B") + 1);
    v.extent("S", ceil(Value("L") / "size"));
    v.require((rank("x") == 2) == given("cu"), "x has 2 dimensions exactly if cu is given");
    v.divides("size", "L");
    v.shape("small", "B=2 L=8 D=4 size=4 cu");
    return v;
}

std::string tables(const Variant &v) {
    PackPlan plan;
    plan.name = "test";
    plan.variants = {&v};
    return emit_tables(plan);
}

void expect_in(const std::string &text, const std::string &part) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
}

TEST(Tables, HoldPrograms) {
    const std::string text = tables(parts());
    expect_in(text, "{\"B\", \"L\", \"D\", \"B+1\", \"S\", NULL}");
    expect_in(text,
              "{4, (const attune_term[]){{ATTUNE_OP_EXTENT, 1, 0}, {ATTUNE_OP_ATTRIBUTE, 0, 0}, "
              "{ATTUNE_OP_DIV, 0, 0}, {ATTUNE_OP_CEIL, 0, 0}}, \"ceil(L/size)\"}");
    expect_in(text,
              "{ATTUNE_OP_RANK, 0, 0}, {ATTUNE_OP_NUMBER, 0, 2}, {ATTUNE_OP_EQ, 0, 0}, "
              "{ATTUNE_OP_GIVEN, 1, 0}, {ATTUNE_OP_EQ, 0, 0}");
    expect_in(text, "ATTUNE_BAD_EXTENT, \"L must be a multiple of size\"");
    expect_in(text, ".content = ATTUNE_OFFSETS");
    expect_in(text, ".used = 3");
    expect_in(text, "parts_shape0_extents[] = {2, 8, 4, -1, -1, }");
    expect_in(text, "parts_shape0_attributes, 2}");
}

TEST(Tables, CountLeadingExtents) {
    Variant v("filters", "of each row or of all", "none");
    v.input("x", "T B K", "rows");
    v.input("w", "[T] [B] K", "filters");
    v.output("y", "T B K", "products");
    EXPECT_EQ(v.tensor("x").leading, 0);
    EXPECT_EQ(v.tensor("w").leading, 2);
    expect_in(tables(v), ".leading = 2");
}

void expect_refused(void (*change)(Variant &), const std::string &part) {
    Variant v = parts();
    change(v);
    try {
        tables(v);
        FAIL() << "accepted: " << part;
    } catch (const std::exception &e) {
        EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
}

TEST(Tables, RefuseWhatIsNotDeclared) {
    expect_refused([](Variant &v) { v.require(Value("nope") > 0, ""); }, "'nope'");
    expect_refused([](Variant &v) { v.require(given("nope"), ""); }, "'nope'");
    expect_refused([](Variant &v) { v.shape("s", "B=1 L=1 D=1 S=1 size=1"); }, "S is derived");
    expect_refused([](Variant &v) { v.shape("s", "B=1 L=1 size=1"); }, "lacks D");
    expect_refused([](Variant &v) { v.tensors[3].used("cu", 1); }, "cu is no i32 [B]");
    expect_refused(
        [](Variant &v) {
            Value deep(1);
            for (int i = 0; i < 20; i++) deep = 1 + deep;
            v.require(deep, "");
        },
        "too many results wait");
}

}  // namespace
