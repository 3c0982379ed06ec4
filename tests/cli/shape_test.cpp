// Shapes from options: keys, short names, what is filled in, and what is refused.
#include "cli/call.h"
#include "cli/fault.h"
#include "cli/pack_file.h"
#include "cli/shape.h"
#include "cli/workload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace {

const attune_pack *fixture() { return tool::load_pack(FIXTURE_PACK); }

tool::CustomShape options() {
    tool::CustomShape options;
    options.variant = "row_scale";
    options.sizes = {"b=2", "l=3", "D=4"};
    options.attributes = {"power=1", "mode=doubled"};
    return options;
}

TEST(Shape, TakesSymbolsInAnyCase) {
    tool::Shape shape = tool::custom_shape(fixture(), options());
    EXPECT_EQ(shape.extents, (std::vector<int64_t>{2, 3, 4}));
    EXPECT_EQ(shape.attributes[1], 1);
    EXPECT_EQ(shape.attributes[3], 1);
    EXPECT_TRUE(std::isnan(shape.attributes[0]));
}

void expect_wrong(const tool::CustomShape &options, const std::string &says) {
    try {
        tool::custom_shape(fixture(), options);
        FAIL() << "no fault for " << says;
    } catch (const tool::Fault &fault) {
        EXPECT_EQ(fault.status, tool::CALL_WRONG);
        EXPECT_NE(std::string(fault.what()).find(says), std::string::npos) << fault.what();
    }
}

TEST(Shape, RefusesWhatItDoesNotKnow) {
    auto with = [](auto change) {
        tool::CustomShape changed = options();
        change(changed);
        return changed;
    };
    expect_wrong(with([](auto &o) { o.variant = "flash"; }), "flash");
    expect_wrong(with([](auto &o) { o.sizes[0] = "q=2"; }), "--size q");
    expect_wrong(with([](auto &o) { o.sizes[0] = "b"; }), "name=value");
    expect_wrong(with([](auto &o) { o.sizes[0] = "b=-1"; }), "b=-1");
    expect_wrong(with([](auto &o) { o.sizes.pop_back(); }), "d of row_scale is missing");
    expect_wrong(with([](auto &o) { o.attributes[0] = "gamma=1"; }), "gamma");
    expect_wrong(with([](auto &o) { o.attributes[0] = "power=x"; }), "power");
    expect_wrong(with([](auto &o) { o.attributes[0] = "mode=\xff"; }), "mode");
    expect_wrong(with([](auto &o) { o.tensors = {"x"}; }), "--with x");
    expect_wrong(with([](auto &o) { o.order = "0132"; }), "--order");
    expect_wrong(with([](auto &o) { o.dtype = "f64"; }), "f64");
}

TEST(Workload, FillsByTheTables) {
    tool::CustomShape custom = options();
    custom.tensors = {"w", "start"};
    auto call = tool::make_workload(fixture(), tool::custom_shape(fixture(), custom));
    const float *x = call->tensor(0).as<float>();
    EXPECT_NE(x[0], x[1]);
    EXPECT_LT(*std::max_element(x, x + 24), 6);
    for (int b = 0; b < 2; b++) EXPECT_EQ(call->tensor(2).as<int32_t>()[b], 3);  // L, the high end
    EXPECT_FALSE(call->given(4));
}

tool::CustomShape parts() {
    tool::CustomShape options;
    options.variant = "parts";
    options.sizes = {"b=2", "l=8", "d=4"};
    options.attributes = {"size=3"};
    return options;
}

TEST(Shape, ComputesDerivedExtents) {
    const std::vector<int64_t> extents = {2, 8, 4, 3, 3};
    EXPECT_EQ(tool::custom_shape(fixture(), parts()).extents, extents);
    EXPECT_EQ(tool::shape_named(fixture(), "parts_small").extents, extents);
    tool::CustomShape given = parts();
    given.sizes.push_back("s=3");
    expect_wrong(given, "--size s: it is ceil(L/size)");
    tool::CustomShape unknown = parts();
    unknown.attributes.clear();
    expect_wrong(unknown, "s of parts is missing");
}

TEST(Workload, LeavesOutFirstDimensionsByTheRules) {
    for (bool packed : {false, true}) {
        tool::Shape shape = tool::shape_named(fixture(), packed ? "parts_packed" : "parts_small");
        auto call = tool::make_workload(fixture(), shape);
        using Extents = std::vector<int64_t>;
        EXPECT_EQ(call->tensor(0).shape(), packed ? Extents({8, 4}) : Extents({2, 8, 4}));
        EXPECT_EQ(call->tensor(4).shape(), packed ? Extents({3, 4}) : Extents({2, 3, 4}));
        EXPECT_EQ(call->given(2), packed);
    }
}

TEST(Workload, FillsOffsetsWithEqualPartsAndTablesWithDistinctRows) {
    auto call = tool::make_workload(fixture(), tool::shape_named(fixture(), "parts_packed"));
    const int32_t *cu = call->tensor(2).as<int32_t>(), *table = call->tensor(3).as<int32_t>();
    EXPECT_EQ((std::vector<int32_t>{cu[0], cu[1], cu[2]}), (std::vector<int32_t>{0, 4, 8}));
    std::vector<int32_t> rows(table, table + 6);
    std::sort(rows.begin(), rows.end());
    EXPECT_GE(rows.front(), 0);
    EXPECT_LT(rows.back(), 8);
    EXPECT_EQ(std::unique(rows.begin(), rows.end()), rows.end());
}

TEST(Array, MemoryOrderPermutesStrides) {
    tool::Array array({2, 3, 5, 7}, ATTUNE_F32, "0213");
    DLTensor view = array.view();
    EXPECT_EQ(view.strides[3], 1);
    EXPECT_EQ(view.strides[1], 7);
    EXPECT_EQ(view.strides[2], 21);
    EXPECT_EQ(view.strides[0], 105);
}

}  // namespace
