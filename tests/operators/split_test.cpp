// Attention over parts of the keys, merged, is attention over all.
#include "property.h"

namespace attune::tests {
namespace {

class SplitMerge : public Property {
protected:
    // The merge of a dense_split call that has been run.
    Case merged(const Case &split) const {
        Case merge;
        merge.op = "dense_merge";
        for (const char *name : {"o_part", "lse_part"})
            merge.tensors[name] = split.tensors.at(name);
        add_outputs(merge, true);
        return merge;
    }
};

// The ways to cut keys into parts: empty and ragged ones among them.
std::vector<std::map<std::string, double>> cuts() {
    return {{{"n_split", 1}},    {{"n_split", 2}},      {{"n_split", 3}, {"tile", 16}},
            {{"n_split", 7}},    {{"split_size", 132}}, {{"split_size", 1000}},
            {{"split_size", 33}}};
}

TEST_P(SplitMerge, IsDense) {
    if (!has_kernel(test_pack(), "dense_merge", target())) GTEST_SKIP() << "no dense_merge";
    for (const Config &config : all_configs())
        for (const auto &cut : cuts()) {
            if (config.dtype != Dtype::f32) continue;
            Case split = make_case(config);
            split.attributes.erase("split_size");
            Case whole = split;  // an oracle's call: of pages too
            whole.op = config.page ? "dense_paged" : "dense";
            whole.tensors.erase("o_part"), whole.tensors.erase("lse_part");
            split.attributes.insert(cut.begin(), cut.end());
            split = again(split);
            run_here(split);
            EXPECT_TRUE(Expected(split).holds(split)) << describe(config);
            for (const bool sink : {false, true}) {
                Case merge = merged(split), with = whole;
                Tensor sinks = Tensor::zeros(Dtype::f32, {config.Hq});
                for (std::int64_t h = 0; h < config.Hq; ++h) sinks.set(h, 1.5 - h);
                if (sink && config.q_len.empty())  // a merge knows of no padding rows
                    merge.tensors["sink"] = with.tensors["sink"] = sinks;
                run_here(merge);
                EXPECT_TRUE(Expected(with).holds(merge)) << describe(config);
            }
        }
}

TEST_P(SplitMerge, OneSplitIsDense) {
    for (const Config &config : configs()) {
        if (config.page) continue;
        Case split = make_case(config);
        split.attributes["split_size"] = 1000.0;
        split = again(split);
        run_here(split);
        Case whole = split;
        whole.op = "dense";
        whole.attributes.erase("split_size");
        for (const char *name : {"o", "lse"}) {
            const std::string part = name + std::string("_part");
            Tensor tensor = split.tensors.at(part);
            tensor.shape.erase(tensor.shape.begin()), tensor.strides.erase(tensor.strides.begin());
            whole.tensors.erase(part);
            whole.tensors[name] = tensor;
        }
        EXPECT_TRUE(Expected(whole).holds(whole)) << describe(config);
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, SplitMerge,
                         testing::Combine(testing::Values(std::string("dense_split")),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

class Merge : public Property {};

TEST_P(Merge, OrderIsOfNoAccount) {
    for (const Config &config : all_configs()) {
        const Case call = make_case(config);
        const Expected expected(call);
        Case turned = again(call);
        for (const char *name : {"o_part", "lse_part"})
            turned.tensors[name] = take(call.tensors.at(name), 0, {2, 0, 1});
        run_here(turned);
        EXPECT_TRUE(expected.holds(turned)) << describe(config);
    }
}

TEST_P(Merge, OfOnePartIsThePart) {
    for (Config config : configs()) {
        config.parts = 1;
        const Case call = make_case(config);
        run_here(call);
        const Tensor &o = call.tensors.at("o"), &part = call.tensors.at("o_part");
        const Tensor &lse = call.tensors.at("lse"), &part_lse = call.tensors.at("lse_part");
        for (std::int64_t i = 0; i < o.elements(); ++i)
            ASSERT_NEAR(o.at(i), part.at(i), 1e-6 * std::fabs(part.at(i))) << describe(config);
        for (std::int64_t i = 0; i < lse.elements(); ++i) {
            if (std::isinf(part_lse.at(i))) continue;
            ASSERT_NEAR(lse.at(i), part_lse.at(i), 1e-5) << describe(config);
        }
    }
}

TEST_P(Merge, OfEmptyPartsIsEmpty) {
    for (Config config : configs())
        for (const bool sink : {false, true}) {
            config.sink = sink;
            const Case call = make_case(config);
            Tensor o = call.tensors.at("o_part"), lse = call.tensors.at("lse_part");
            for (std::int64_t i = 0; i < o.elements(); ++i) o.set(i, 0);
            for (std::int64_t i = 0; i < lse.elements(); ++i) lse.set(i, -INFINITY);
            run_here(call);
            const Tensor &result = call.tensors.at("lse");
            for (std::int64_t i = 0; i < o.elements() / config.parts; ++i)
                ASSERT_EQ(call.tensors.at("o").at(i), 0) << describe(config);
            for (std::int64_t i = 0; i < result.elements(); ++i) {
                const std::int64_t h = i / config.Lq % config.Hq;
                const double want = sink ? call.tensors.at("sink").at(h) : -INFINITY;
                if (result.at(i) == want) continue;  // -inf
                ASSERT_NEAR(result.at(i), want, 1e-6) << describe(config);
            }
        }
}

// Logarithms of any size: only their differences count.
TEST_P(Merge, LargeLogarithmsAreStable) {
    for (const Config &config : configs())
        for (const double shift : {-1e4, -300.0, 300.0, 1e4}) {
            const Case call = make_case(config);
            Tensor lse = call.tensors.at("lse_part");
            for (std::int64_t i = 0; i < lse.elements(); ++i) lse.set(i, lse.at(i) + shift);
            const Expected expected(call);
            run_here(call);
            EXPECT_TRUE(expected.holds(call)) << shift << ": " << describe(config);
        }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Merge,
                         testing::Combine(testing::Values(std::string("dense_merge")),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

}  // namespace
}  // namespace attune::tests
