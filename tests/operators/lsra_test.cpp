// LSRA: what its two halves owe to being a softmax and a convolution, and what a run of steps
// equals.
#include "property.h"

#include <numeric>

namespace attune::tests {
namespace {

class Lsra : public Property {
protected:
    // ctx in two: rows [T, B], columns of the attention and of the convolution.
    struct Halves {
        std::vector<double> attention, convolution;
    };
    static Halves halves(const Config &c, const Case &call) {
        Halves out;
        const std::int64_t first = c.Hq * c.D, all = first + c.Hkv * c.Dv;
        const std::vector<double> ctx = call.tensors.at("ctx").values();
        for (std::size_t i = 0; i < ctx.size(); ++i)
            (static_cast<std::int64_t>(i) % all < first ? out.attention : out.convolution)
                .push_back(ctx[i]);
        return out;
    }
    static std::int64_t left(const Case &call) {
        return static_cast<std::int64_t>(call.number("P", call.number("K", 1) - 1));
    }
};

void fill_with(Case &call, std::initializer_list<const char *> names, double value) {
    for (const char *name : names)
        for (std::int64_t i = 0; call.has(name) && i < call.tensors[name].elements(); ++i)
            call.tensors[name].set(i, value);
}

std::vector<std::int64_t> range(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> out(static_cast<std::size_t>(last - first));
    std::iota(out.begin(), out.end(), first);
    return out;
}

// Rows of all tokens but [first, last) of ctx.
std::vector<std::uint32_t> outside(const Case &call, const Bits &bits, std::int64_t first,
                                   std::int64_t last) {
    const auto &shape = call.tensors.at("ctx").shape;
    std::vector<std::int64_t> rows = range(0, std::max<std::int64_t>(first, 0));
    for (std::int64_t t = last; t < shape[0]; ++t) rows.push_back(t);
    return slices(bits.at("ctx"), shape, 0, rows);
}

TEST_P(Lsra, WeightsSumToOne) {
    std::vector<Config> all = configs();
    for (const Config &config : one_query()) all.push_back(config);
    for (const double spread : {1.0, 30.0, 3000.0})
        for (Config config : all) {
            config.spread = spread;
            Case call = make_case(config);
            fill_with(call, {"v", "Vc", "u", "buf"}, 1);
            for (std::int64_t i = 0; i < call.tensors["wl"].elements(); ++i)
                call.tensors["wl"].set(i, spread * call.tensors["wl"].at(i));
            run_here(call);
            const Halves got = halves(config, call);
            const bool padded = call.has("pad");
            for (std::size_t i = 0; i < got.attention.size(); ++i) {
                const std::size_t b = i / static_cast<std::size_t>(config.Hq * config.D) %
                                      static_cast<std::size_t>(config.B);
                const bool nothing = padded && config.kv_len[b] == 0;
                ASSERT_NEAR(got.attention[i], nothing ? 0 : 1, std::ldexp(1, -22))
                    << describe(config);
            }
            const std::int64_t taps = static_cast<std::int64_t>(call.number("K", 1));
            const std::int64_t before = call.has("buf") ? call.tensors["buf"].shape[0] : 0;
            for (std::size_t i = 0; i < got.convolution.size(); ++i) {
                const std::int64_t t =
                    static_cast<std::int64_t>(i) / (config.B * config.Hkv * config.Dv);
                const std::int64_t first = t - left(call);
                const bool whole = first >= -before && first + taps <= config.Lq;
                ASSERT_LE(got.convolution[i], 1 + std::ldexp(1, -22)) << describe(config);
                ASSERT_GE(got.convolution[i], whole ? 1 - std::ldexp(1, -22) : 0)
                    << describe(config);
            }
        }
}

TEST_P(Lsra, BadQueriesStayInTheirRow) {
    for (const Config &config : configs()) {
        const Case call = make_case(config);
        const Bits clean = run_here(call);
        Case spoilt = own(call, "q");
        const std::int64_t row = config.B * config.Hq * config.D;
        for (std::int64_t i = 0; i < row; ++i) spoilt.tensors["q"].set(19 * row + i, NAN);
        EXPECT_EQ(outside(call, run_here(spoilt), 19, 20), outside(call, clean, 19, 20))
            << describe(config);
        EXPECT_EQ(halves(config, spoilt).convolution, halves(config, call).convolution);
    }
}

// u of a token reaches the tokens whose taps cover it, and nobody's attention.
TEST_P(Lsra, TapsReachNoFurther) {
    for (const Config &config : configs()) {
        const Case call = make_case(config);
        const Bits clean = run_here(call);
        const auto taps = static_cast<std::int64_t>(call.number("K", 1));
        const std::int64_t row = config.B * config.Hkv * config.Dv;
        for (const std::int64_t t : {0, 1, 50, 131}) {
            Case spoilt = own(call, "u");
            for (std::int64_t i = 0; i < row; ++i) spoilt.tensors["u"].set(t * row + i, NAN);
            const std::int64_t first = t + left(call) - taps + 1, last = t + left(call) + 1;
            const Bits dirty = run_here(spoilt);
            EXPECT_EQ(outside(call, dirty, first, last), outside(call, clean, first, last))
                << t << ": " << describe(config);
            EXPECT_EQ(halves(config, spoilt).attention, halves(config, call).attention);
        }
    }
}

TEST_P(Lsra, CausalRowsDoNotSeeTheFuture) {
    for (const Config &config : configs()) {
        const Case call = make_case(config);
        if (op() == "lsra_core" && call.number("causal", 0) == 0) continue;
        const Bits before = run_here(call);
        for (const std::int64_t t : {1, 16, 33, 47, 100, 131}) {
            Case changed = call;
            for (const char *name : {"q", "k", "v", "u", "wl"}) {
                if (call.tensors.at(name).shape.size() < 4) continue;
                changed.tensors[name] = own(call, name).tensors[name];
                Tensor &tensor = changed.tensors[name];
                const std::int64_t row = tensor.elements() / config.Lq;
                for (std::int64_t i = t * row; i < tensor.elements(); ++i)
                    tensor.set(i, 50 - tensor.at(i));
            }
            changed = again(changed);
            EXPECT_EQ(outside(call, run_here(changed), t, config.Lq),
                      outside(call, before, t, config.Lq))
                << t << ": " << describe(config);
        }
    }
}

TEST_P(Lsra, OneFilterIsThatOfEachToken) {
    for (Config config : configs()) {
        config.one_filter = true;
        const Case one = make_case(config);
        Case each = again(one);
        Tensor &wl = each.tensors["wl"];
        wl = take(with_outer(own(one, "wl").tensors["wl"], {1, 1, wl.shape[0]}), 0,
                  std::vector<std::int64_t>(static_cast<std::size_t>(config.Lq)));
        wl = take(wl, 1, std::vector<std::int64_t>(static_cast<std::size_t>(config.B)));
        EXPECT_EQ(run_here(each), run_here(one)) << describe(config);
    }
}

TEST_P(Lsra, OneTapIsItsInput) {
    for (Config config : configs()) {
        config.attributes["K"] = 1.0;
        if (op() == "lsra_core") config.attributes["P"] = 0.0;
        const Case call = make_case(config);
        run_here(call);
        const std::vector<double> got = halves(config, call).convolution;
        const std::vector<double> want = call.tensors.at("u").values();
        for (std::size_t i = 0; i < got.size(); ++i)
            ASSERT_NEAR(got[i], want[i], 4e-7 * std::fabs(want[i])) << describe(config);
    }
}

// The tokens n.. of a causal call are a run of steps after n others, in one piece or in more.
TEST_P(Lsra, StepsAreRowsOfTheWhole) {
    if (op() != "lsra_core_step" || !has_kernel(test_pack(), "lsra_core", target()))
        GTEST_SKIP() << "of lsra_core_step, with lsra_core in the pack";
    for (Config config : configs()) {
        config.op = "lsra_core";
        config.kv_len.clear();
        config.attributes["causal"] = 1.0, config.attributes["P"] = 6.0;
        const Case whole = make_case(config);
        run_here(whole);
        for (const auto &[first, last] :
             {std::pair<int, int>{0, 132}, {1, 2}, {3, 50}, {40, 41}, {100, 132}}) {
            Case steps;
            steps.op = "lsra_core_step";
            steps.attributes = {{"K", 7.0}, {"steps", double(last - first)}};
            steps.tensors = whole.tensors;
            for (const char *name : {"q", "k", "v", "u", "wl"})
                if (whole.tensors.at(name).shape.size() == 4)
                    steps.tensors[name] = take(whole.tensors.at(name), 0, range(first, last));
            const int buffered = std::min(first, 6);
            const auto &[k, v, u] =
                std::tie(whole.tensors.at("k"), whole.tensors.at("v"), whole.tensors.at("u"));
            if (first) steps.tensors["Kc"] = take(k, 0, range(0, first));
            if (first) steps.tensors["Vc"] = take(v, 0, range(0, first));
            if (first) steps.tensors["buf"] = take(u, 0, range(first - buffered, first));
            add_outputs(steps, false);
            run_here(steps);
            const Expected expected(steps);
            EXPECT_TRUE(expected.holds(steps)) << first << ": " << describe(config);
            steps.tensors["ctx"] = take(whole.tensors.at("ctx"), 0, range(first, last));
            EXPECT_TRUE(expected.holds(steps)) << first << ": " << describe(config);
        }
    }
}

TEST_P(Lsra, StateIsCheckedAgainstTaps) {
    if (op() != "lsra_core_step") GTEST_SKIP() << "lsra_core has no state";
    Config config = configs().front();
    const Case call = make_case(config);
    const auto status = [&](const Case &bad) {
        const attune_status got = tests::call(context(), test_pack(), bad);
        EXPECT_TRUE(untouched(bad.tensors.at("ctx")));
        return got;
    };
    Case no_values = again(call), no_buffer = again(call), short_buffer = again(call);
    no_values.tensors.erase("Vc");
    EXPECT_EQ(status(no_values), ATTUNE_BAD_VALUE) << attune_error_message();
    no_buffer.tensors.erase("buf");
    EXPECT_EQ(status(no_buffer), ATTUNE_BAD_VALUE) << attune_error_message();
    short_buffer.tensors["buf"] = take(call.tensors.at("buf"), 0, range(0, 5));
    EXPECT_EQ(status(short_buffer), ATTUNE_BAD_EXTENT) << attune_error_message();
}

// Both leading dimensions of wl are left out, or none.
TEST_P(Lsra, FiltersHaveTwoOrFourDimensions) {
    const Case call = make_case(configs().front());
    Case bad = again(call);
    bad.tensors["wl"].shape.erase(bad.tensors["wl"].shape.begin());
    bad.tensors["wl"].strides.erase(bad.tensors["wl"].strides.begin());
    EXPECT_EQ(tests::call(context(), test_pack(), bad), ATTUNE_BAD_RANK);
    const std::string message = attune_error_message();
    EXPECT_NE(message.find("'wl' has 3 dimensions; expected 4 or 2"), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Cpu, Lsra,
                         testing::Combine(testing::Values("lsra_core", "lsra_core_step"),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

}  // namespace
}  // namespace attune::tests
