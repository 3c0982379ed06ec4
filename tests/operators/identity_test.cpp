// Calls of different operators or attributes that are the same function.
#include "property.h"

namespace attune::tests {
namespace {

class Identity : public Property {
protected:
    bool pack_has(const char *other) const { return has_kernel(test_pack(), other, target()); }
};

Case dense_of(const Case &call) {
    Case dense;
    dense.op = "dense";
    for (const char *name : {"q", "k", "v"}) dense.tensors[name] = call.tensors.at(name);
    dense.attributes["causal"] = call.number("causal", 0);
    add_outputs(dense, true);
    return dense;
}

class DenseIdentity : public Identity {};

TEST_P(DenseIdentity, WideWindowsAreNoWindow) {
    for (const Config &config : configs()) {
        const Case call = make_case(config);
        const Expected expected(call);
        Case wide = again(call);
        wide.attributes["left"] = wide.attributes["right"] = static_cast<double>(config.Lk);
        run_here(wide);
        EXPECT_TRUE(expected.holds(wide)) << describe(config);
        wide.attributes["left"] = wide.attributes["right"] = 2147483647.0;
        run_here(wide);
        EXPECT_TRUE(expected.holds(wide)) << describe(config);
    }
}

TEST_P(DenseIdentity, CausalIsARightWindowOfZero) {
    for (const Config &config : configs()) {
        if (std::get<double>(config.attributes.at("causal")) == 0) continue;
        const Case call = make_case(config);
        Case window = again(call);
        window.attributes["causal"] = 0.0;
        window.attributes["right"] = 0.0;
        EXPECT_EQ(run_here(window), run_here(call)) << describe(config);
        window.attributes["causal"] = 1.0;
        window.attributes["right"] = 9.0;  // causal overrides it
        EXPECT_EQ(run_here(window), run_here(call)) << describe(config);
    }
}

TEST_P(DenseIdentity, EmptyRowsAreZero) {
    for (Config config : configs()) {
        config.q_len.clear(), config.kv_len.clear();
        config.Lk = 50;  // rows 0 .. Lq-51 come before all keys when causal
        config.kv_len = {50, 0, 0};
        Case call = make_case(config);
        call.attributes["causal"] = 1.0;
        run_here(call);
        const Tensor &o = call.tensors.at("o"), &lse = call.tensors.at("lse");
        const std::int64_t width = config.Hq * config.Dv, rows = config.Lq - 50;
        for (std::int64_t i = 0; i < rows * width; ++i) ASSERT_EQ(o.at(i), 0) << describe(config);
        for (std::int64_t i = config.Lq * width; i < o.elements(); ++i)
            ASSERT_EQ(o.at(i), 0) << describe(config);
        for (std::int64_t i = 0; i < lse.elements(); ++i)
            ASSERT_EQ(std::isinf(lse.at(i)), i >= config.Hq * config.Lq || i % config.Lq < rows);
    }
}

TEST_P(DenseIdentity, PoisonBehindLengthsChangesNothing) {
    for (Config config : configs()) {
        config.kv_len = {131, 1, 64};
        config.q_len = {132, 90, 31};
        const Bits clean = run_here(make_case(config));
        config.poison = true;
        EXPECT_EQ(run_here(make_case(config)), clean) << describe(config);
    }
}

TEST_P(DenseIdentity, PaddedKeysAreShorterKeys) {
    for (Config config : configs()) {
        config.q_len.clear();
        config.kv_len = {77, 77, 77};
        const Case padded = make_case(config);
        Case cut = padded;
        std::vector<std::int64_t> first(77);
        for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<std::int64_t>(i);
        for (const char *name : {"k", "v"})
            cut.tensors[name] = take(padded.tensors.at(name), 1, first);
        cut.tensors.erase("kv_len");
        EXPECT_EQ(run_here(again(cut)), run_here(padded)) << describe(config);
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, DenseIdentity,
                         testing::Combine(testing::Values("dense"),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

class ClusterIdentity : public Identity {};

TEST_P(ClusterIdentity, OneChunkIsDense) {
    if (!pack_has("dense")) GTEST_SKIP() << "the pack has no dense";
    for (Config config : configs()) {
        config.kv_len.clear();
        for (const double chunk : {132.0, 1000.0}) {
            config.attributes["chunk"] = chunk;
            const Case call = make_case(config);
            Case dense = dense_of(call);
            run_here(call), run_here(dense);
            EXPECT_TRUE(Expected(dense).holds(call)) << describe(config);
            EXPECT_TRUE(Expected(call).holds(dense)) << describe(config);
        }
    }
}

TEST_P(ClusterIdentity, ChunksOfOneGiveTheValues) {
    for (Config config : configs()) {
        config.kv_len.clear();
        config.attributes["chunk"] = 1.0;
        const Case call = make_case(config);
        run_here(call);
        const Tensor &o = call.tensors.at("o"), &v = call.tensors.at("v");
        for (std::int64_t i = 0; i < o.elements(); ++i) {
            const std::int64_t d = i % config.Dv, h = i / config.Dv % config.Hq;
            const std::int64_t token = i / config.Dv / config.Hq;
            const std::int64_t kv = h / (config.Hq / config.Hkv);
            const double want = v.at((token * config.Hkv + kv) * config.Dv + d);
            ASSERT_NEAR(o.at(i), want, 4e-7 * std::fabs(want)) << describe(config);
        }
        EXPECT_TRUE(Expected(call).holds(call)) << describe(config);  // the LSE is the score
    }
}

TEST_P(ClusterIdentity, DistinctClustersGiveTheValues) {
    for (Config config : configs()) {
        config.kv_len.clear();
        config.attributes["same_cluster"] = 1.0;
        Case call = make_case(config);
        for (std::int64_t i = 0; i < call.tensors["ids"].elements(); ++i)
            call.tensors["ids"].set(i, static_cast<double>(i % config.Lq));
        Case ones = again(call);
        ones.attributes["same_cluster"] = 0.0;
        ones.attributes["chunk"] = 1.0;
        ones.tensors.erase("ids");
        run_here(call);
        EXPECT_TRUE(Expected(ones).holds(call)) << describe(config);
    }
}

TEST_P(ClusterIdentity, IdentityOrderIsBlockDiagonal) {
    if (!pack_has("dense")) GTEST_SKIP() << "the pack has no dense";
    for (Config config : configs()) {
        config.kv_len.clear();
        config.ordered = true;
        const Case call = make_case(config);
        const Bits whole = run_here(call);
        for (std::int64_t first = 0; first < config.Lq; first += 50) {
            std::vector<std::int64_t> block;
            for (std::int64_t i = first; i < std::min(first + 50, config.Lq); ++i)
                block.push_back(i);
            Case part = dense_of(call), slice = part;
            for (const char *name : {"q", "k", "v"})
                part.tensors[name] = take(call.tensors.at(name), 1, block);
            add_outputs(part, true);
            slice.tensors["v"] = part.tensors["v"];
            slice.tensors["o"] = take(call.tensors.at("o"), 1, block);
            slice.tensors["lse"] = take(call.tensors.at("lse"), 2, block);
            EXPECT_TRUE(Expected(part).holds(slice)) << first << ": " << describe(config);
        }
    }
}

TEST_P(ClusterIdentity, PoisonBehindLengthsChangesNothing) {
    for (Config config : configs()) {
        config.kv_len = {131, 0, 64};
        const Bits clean = run_here(make_case(config));
        config.poison = true;
        EXPECT_EQ(run_here(make_case(config)), clean) << describe(config);
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, ClusterIdentity,
                         testing::Combine(testing::Values("cluster_attn"),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

class CombinerIdentity : public Identity {};

TEST_P(CombinerIdentity, OneSegmentIsDenseCausal) {
    if (!pack_has("dense")) GTEST_SKIP() << "the pack has no dense";
    for (Config config : configs()) {
        config.attributes["M"] = static_cast<double>(config.Lq);
        if (std::get<double>(config.attributes["causal"]) == 0) continue;
        const Case call = make_case(config);
        const Case dense = dense_of(call);
        run_here(call), run_here(dense);
        EXPECT_TRUE(Expected(dense).holds(call)) << describe(config);
        EXPECT_TRUE(Expected(call).holds(dense)) << describe(config);
    }
}

// Segments of one token are their own summaries: causal rows see each token once.
TEST_P(CombinerIdentity, SegmentsOfOneAreDenseCausal) {
    for (Config config : configs()) {
        config.attributes["M"] = 1.0;
        if (std::get<double>(config.attributes["causal"]) == 0) continue;
        const Case call = make_case(config);
        run_here(call);
        EXPECT_TRUE(Expected(dense_of(call)).holds(call)) << describe(config);
    }
}

class GridIdentity : public Identity {};

// One row: its tokens and nothing else.
TEST_P(GridIdentity, OneRowIsDenseCausal) {
    if (!pack_has("dense")) GTEST_SKIP() << "the pack has no dense";
    for (Config config : configs()) {
        config.attributes["M"] = static_cast<double>(config.Lq);
        if (has_flag_causal(op())) config.attributes["causal"] = 1.0;
        const Case call = make_case(config);
        Case dense = dense_of(call);
        dense.attributes["causal"] = 1.0;
        run_here(call), run_here(dense);
        EXPECT_TRUE(Expected(dense).holds(call)) << describe(config);
    }
}

// Rows of one token: the column's tokens, and no region is left of or right of a column.
TEST_P(GridIdentity, RowsOfOneAreDenseCausal) {
    for (Config config : configs()) {
        config.attributes["M"] = 1.0;
        if (has_flag_causal(op())) {
            config.attributes["causal"] = 1.0;
            config.attributes["summary"] = std::string("none");  // of one token: itself
        }
        const Case call = make_case(config);
        run_here(call);
        Case dense = dense_of(call);
        dense.attributes["causal"] = 1.0;
        EXPECT_TRUE(Expected(dense).holds(call)) << describe(config);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cpu, GridIdentity,
    testing::Combine(testing::Values("combiner_axial_rowmajor", "combiner_mixture_causal",
                                     "combiner_axial_vertical", "combiner_axial_horizontal"),
                     testing::ValuesIn(cpu_targets())),
    property_name);

INSTANTIATE_TEST_SUITE_P(Cpu, CombinerIdentity,
                         testing::Combine(testing::Values("combiner_fixed"),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

}  // namespace
}  // namespace attune::tests
