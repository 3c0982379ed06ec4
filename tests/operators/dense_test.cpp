// Options of dense attention that are the same function as others, on every operator that has them.
#include "property.h"

namespace attune::tests {
namespace {

class DenseOption : public Property {
protected:
    // The same call with other inputs, run; it must be what the oracle says of `want`.
    void expect_same(const Case &want, Case other, const Config &config) const {
        other = again(other);
        run_here(other);
        EXPECT_TRUE(Expected(want).holds(other)) << describe(config);
    }
};

Tensor floats(const std::vector<std::int64_t> &shape) { return Tensor::zeros(Dtype::f32, shape); }

// Position of query row 0 on the key axis.
double offset_of(const Config &c, std::size_t b) {
    const auto length = [&](const std::vector<int> &lengths, std::int64_t absent) {
        return lengths.empty() ? static_cast<double>(absent) : lengths[b];
    };
    return length(c.kv_len, c.Lk) - length(c.q_len, c.Lq);
}

TEST_P(DenseOption, SinkIsAFactorOfTheResult) {
    if (op() == "dense_split") GTEST_SKIP() << "has no sink";
    for (Config config : configs()) {
        config.sink = true;
        const Case with = make_case(config);
        Case without = with;
        without.tensors.erase("sink");
        without = again(without);
        run_here(with), run_here(without);
        const Tensor &o = with.tensors.at("o"), &o0 = without.tensors.at("o");
        const Tensor &lse = with.tensors.at("lse"), &lse0 = without.tensors.at("lse");
        const bool packed = o.shape.size() == 3;
        const std::int64_t heads = config.Hq, width = config.Dv, rows = o.shape[packed ? 0 : 1];
        for (std::int64_t i = 0; i < lse.elements(); ++i) {
            const std::int64_t row = i % rows, h = i / rows % heads, b = i / rows / heads;
            const double sink = with.tensors.at("sink").at(h), before = lse0.at(i);
            const double most = std::max(sink, before);
            // Rows of padding have no sink either.
            if (std::isinf(most) || (std::isinf(before) && std::isinf(lse.at(i)))) continue;
            const double sum = std::exp(sink - most) + std::exp(before - most);
            ASSERT_NEAR(lse.at(i), most + std::log(sum), 2e-5) << describe(config);
            const double factor = std::exp(before - most) / sum;
            for (std::int64_t d = 0; d < width; ++d) {
                const std::int64_t at = ((b * rows + row) * heads + h) * width + d;
                ASSERT_NEAR(o.at(at), o0.at(at) * factor, 1e-5) << describe(config);
            }
        }
        EXPECT_TRUE(Expected(with).holds(with)) << describe(config);
    }
}

TEST_P(DenseOption, SinkOfMinusInfinityIsNone) {
    if (op() == "dense_split") GTEST_SKIP() << "has no sink";
    for (const Config &config : configs()) {
        const Case call = make_case(config);
        Case with = again(call);
        with.tensors["sink"] = floats({config.Hq});
        for (std::int64_t h = 0; h < config.Hq; ++h) with.tensors["sink"].set(h, -INFINITY);
        run_here(with);
        EXPECT_TRUE(Expected(call).holds(with)) << describe(config);
    }
}

TEST_P(DenseOption, NeutralOptionsChangeNothing) {
    if (op() == "dense_merge") GTEST_SKIP() << "has no scores";
    for (const Config &config : configs()) {
        const Case call = make_case(config);
        Case neutral = call;
        neutral.tensors["alibi"] = floats({config.Hq});
        if (call.has("k") && !call.has("cu_k")) {
            neutral.tensors["bias"] = floats({1, 1, 1, config.Lk});
            neutral.tensors["mask"] = Tensor::zeros(Dtype::u8, {config.B, 1, 1, config.Lk});
            Tensor &mask = neutral.tensors["mask"];
            for (std::int64_t i = 0; i < mask.elements(); ++i) mask.set(i, 1);
        }
        expect_same(call, neutral, config);
    }
}

void round_to_integers(Tensor &tensor) {
    for (std::int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, std::round(tensor.at(i)));
}

// A cap far above all scores asks for a tanh that is exact near 0, large scores for one that ends
// at 1.
TEST_P(DenseOption, CapsBoundScores) {
    if (op() == "dense_merge") GTEST_SKIP() << "has no scores";
    for (Config config : configs()) {
        const Case call = make_case(config);
        Case high = call;
        high.attributes["softcap"] = 1e6;
        high = again(high);
        run_here(high);
        EXPECT_TRUE(Expected(high).holds(high)) << describe(config);
        for (const double spread : {1.0, 30.0, 300.0}) {
            config.spread = spread;
            Case low = make_case(config);
            low.attributes["softcap"] = 30.0;
            // Dot products of small integers are exact: what is left is the cap's error, not that
            // of scores of some ten thousands.
            low.attributes["scale"] = 0.125;
            for (const char *name : {"q", "k", "k_pages"})
                if (low.has(name)) round_to_integers(low.tensors.at(name));
            run_here(low);
            EXPECT_TRUE(Expected(low).holds(low)) << describe(config);
        }
    }
}

// The options that take one element a pair, which dense and dense_split have.
class DensePairs : public DenseOption {};

TEST_P(DensePairs, BiasOfMinusInfinityIsAMask) {
    for (Config config : configs()) {
        if (config.page) continue;
        config.mask = shared_heads;
        const Case masked = make_case(config);
        Case biased = masked;
        const Tensor &mask = masked.tensors.at("mask");
        Tensor bias = floats(mask.shape);
        for (std::int64_t i = 0; i < bias.elements(); ++i)
            bias.set(i, mask.at(i) == 0 ? -INFINITY : 0);
        biased.tensors.erase("mask");
        biased.tensors["bias"] = bias;
        run_here(masked);
        EXPECT_TRUE(Expected(masked).holds(masked)) << describe(config);
        expect_same(masked, biased, config);
    }
}

TEST_P(DensePairs, AlibiIsABias) {
    for (Config config : configs()) {
        if (config.page) continue;
        config.alibi = 2;
        const Case sloped = make_case(config);
        Case biased = sloped;
        Tensor bias = floats({config.B, config.Hq, config.Lq, config.Lk});
        const Tensor &slopes = sloped.tensors.at("alibi");
        for (std::int64_t i = 0; i < bias.elements(); ++i) {
            const std::int64_t j = i % config.Lk, row = i / config.Lk % config.Lq;
            const std::int64_t head = i / config.Lk / config.Lq;
            const double offset = offset_of(config, static_cast<std::size_t>(head / config.Hq));
            const double position = static_cast<double>(row) + offset;
            bias.set(i, -slopes.at(head) * std::fabs(position - static_cast<double>(j)));
        }
        biased.tensors.erase("alibi");
        biased.tensors["bias"] = bias;
        expect_same(sloped, biased, config);
    }
}

// Broadcast dimensions are those of the repeated tensor.
TEST_P(DensePairs, SharedOptionsAreRepeatedOnes) {
    for (Config config : configs())
        for (int shared = 1; shared < 8; ++shared) {
            if (config.page || config.D == 128) continue;
            config.bias = config.mask = shared;
            const Case call = make_case(config);
            Case repeated = call;
            const std::int64_t extents[] = {config.B, config.Hq, config.Lq};
            for (const char *name : {"bias", "mask"})
                for (std::size_t d = 0; d < 3; ++d) {
                    const std::vector<std::int64_t> zeros(static_cast<std::size_t>(extents[d]), 0);
                    if (shared >> d & 1)
                        repeated.tensors[name] = take(repeated.tensors[name], d, zeros);
                }
            EXPECT_EQ(run_here(again(repeated)), run_here(call)) << describe(config);
        }
}

TEST_P(DensePairs, MaskedRowsAreEmpty) {
    for (Config config : configs()) {
        if (config.page) continue;
        config.q_len.clear(), config.kv_len.clear();
        config.mask = shared_batch | shared_heads;
        const Case call = make_case(config);
        Tensor mask = call.tensors.at("mask");
        for (std::int64_t i = 0; i < mask.elements(); ++i)
            if (i / config.Lk % 3 == 1) mask.set(i, 0);
        run_here(call);
        const bool split = op() == "dense_split";
        const Tensor &o = call.tensors.at(split ? "o_part" : "o");
        const Tensor &lse = call.tensors.at(split ? "lse_part" : "lse");
        for (std::int64_t i = 0; i < o.elements(); ++i) {
            if (i / config.Dv / config.Hq % config.Lq % 3 != 1) continue;
            ASSERT_EQ(o.at(i), 0) << describe(config);
        }
        for (std::int64_t i = 0; i < lse.elements(); ++i) {
            if (i % config.Lq % 3 != 1) continue;
            ASSERT_EQ(lse.at(i), -INFINITY) << describe(config);
        }
        EXPECT_TRUE(Expected(call).holds(call)) << describe(config);
    }
}

TEST_P(DensePairs, OffsetsReplaceTheAlignment) {
    for (const Config &config : configs()) {
        if (config.page) continue;
        const Case call = make_case(config);
        Case offset = call;
        Tensor offsets = Tensor::zeros(Dtype::i32, {config.B});
        for (std::int64_t b = 0; b < config.B; ++b)
            offsets.set(b, offset_of(config, static_cast<std::size_t>(b)));
        offset.tensors["q_offset"] = offsets;
        offset.attributes["align"] = std::string("top_left");  // not read
        expect_same(call, offset, config);
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, DenseOption,
                         testing::Combine(testing::Values("dense", "dense_varlen", "dense_paged",
                                                          "dense_split", "dense_merge"),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);
INSTANTIATE_TEST_SUITE_P(Cpu, DensePairs,
                         testing::Combine(testing::Values("dense", "dense_split"),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

}  // namespace
}  // namespace attune::tests
