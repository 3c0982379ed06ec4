// What every operator owes to being a softmax: weights that sum to 1, rows that do not disturb
// each other, stable large scores, and causality.
#include "property.h"

namespace attune::tests {
namespace {

class Softmax : public Property {};

bool is_causal(const Config &c) {
    const auto flag = c.attributes.find("causal");
    if (flag != c.attributes.end()) return std::get<double>(flag->second) != 0;
    return c.op != "combiner_mixture_bidir";
}

void fill_with(Tensor &tensor, double value) {
    for (std::int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, value);
}

bool is_empty_row(const Config &c, const Case &call, std::int64_t b, std::int64_t i) {
    const auto length = [&](const char *name, std::int64_t absent) {
        return call.has(name) ? static_cast<std::int64_t>(call.tensors.at(name).at(b)) : absent;
    };
    if (c.op == "cluster_attn") return i >= length("n_len", c.Lq);
    if (c.op != "dense") return false;
    const std::int64_t q_len = length("q_len", c.Lq), kv_len = length("kv_len", c.Lk);
    const bool causal = call.number("causal", 0) != 0;
    return i >= q_len || kv_len == 0 || (causal && i + kv_len - q_len < 0);
}

TEST_P(Softmax, RowsSumToOne) {
    // A Combiner's summary is a softmax inside a softmax.
    const double bound = std::ldexp(is_combiner(op()) ? 2 : 1, -22);
    std::vector<Config> all = configs();
    for (const Config &config : one_query()) all.push_back(config);
    for (const double spread : {1.0, 30.0, 3000.0})
        for (Config config : all) {
            config.spread = spread;
            Case call = make_case(config);
            fill_with(call.tensors["v"], 1);
            run_here(call);
            const Tensor &o = call.tensors.at("o");
            for (std::int64_t i = 0; i < o.elements(); ++i) {
                const std::int64_t row = i / (config.Hq * config.Dv);
                const bool empty = is_empty_row(config, call, row / config.Lq, row % config.Lq);
                ASSERT_NEAR(o.at(i), empty ? 0 : 1, bound) << describe(config);
            }
        }
}

// Scores of N(0, 3e3^2) reach 1e4. They are rounded to 2^-10, so the error of one call is luck: the
// rule is applied to the largest error of many calls, and what rounding of two scores and of two
// of a summary's can do to values that differ by 4 is no error.
TEST_P(Softmax, LargeScoresAreStable) {
    double error = 0, naive = 0;
    for (Config config : configs()) {
        // Summaries of summaries take the oracle six times as long.
        if (is_combiner(op())) config.B = 1, config.Hq = config.Hkv = 2;
        for (config.seed = 1; config.seed <= 5; ++config.seed) {
            config.spread = 1e4 / std::sqrt(12.0);
            const Case call = make_case(config);
            run_here(call);
            const Errors errors = Expected(call).errors(call, "o");
            error = std::max(error, errors.kernel);
            naive = std::max(naive, errors.naive);
        }
    }
    EXPECT_LE(error, std::max(2 * naive, std::ldexp(4, -10)));
}

// Bits of row i, all heads, and of the others.
std::vector<std::uint32_t> without_row(const Bits &bits, const Case &call, const std::string &name,
                                       std::int64_t row) {
    const auto &shape = call.tensors.at(name).shape;
    const std::size_t dimension = name == "o" ? 1 : 2;
    std::vector<std::int64_t> others;
    for (std::int64_t i = 0; i < shape[dimension]; ++i)
        if (i != row) others.push_back(i);
    return slices(bits.at(name), shape, dimension, others);
}

TEST_P(Softmax, BadQueriesStayInTheirRow) {
    for (const Config &config : configs())
        for (const double bad : {std::nan(""), double(INFINITY), double(-INFINITY)}) {
            const Case call = make_case(config);
            const Bits clean = run_here(call);
            // A Combiner pools queries: only those of the last segment of a causal call are alone.
            if (is_combiner(op()) && !is_causal(config)) continue;
            const std::int64_t row = !is_combiner(op())             ? 19
                                     : op() == "combiner_logsparse" ? config.Lq - 1
                                                                    : config.Lq - 7;
            Case spoilt = own(call, "q");
            for (std::int64_t h = 0; h < config.Hq; ++h)
                spoilt.tensors["q"].set((row * config.Hq + h) * config.D + 3, bad);
            const Bits dirty = run_here(spoilt);
            for (const auto &[name, bits] : dirty)
                EXPECT_EQ(without_row(dirty, call, name, row), without_row(clean, call, name, row))
                    << name << " with " << bad << ": " << describe(config);
        }
}

TEST_P(Softmax, BadElementsStayInTheirBatchElement) {
    for (const Config &config : configs())
        for (const char *name : {"q", "k", "v"}) {
            const Case call = make_case(config);
            const Bits clean = run_here(call);
            Case spoilt = own(call, name);
            Tensor &tensor = spoilt.tensors[name];
            for (std::int64_t i = 0; i < tensor.elements() / config.B; ++i)
                tensor.set(tensor.elements() / config.B + i, std::nan(""));  // element 1
            for (const auto &[output, bits] : run_here(spoilt)) {
                const auto &shape = call.tensors.at(output).shape;
                EXPECT_EQ(slices(bits, shape, 0, {0, 2}),
                          slices(clean.at(output), shape, 0, {0, 2}))
                    << output << " with NaN in " << name << ": " << describe(config);
            }
        }
}

// Tokens t and later do not change the rows before t. Combiner: also within and across segments.
TEST_P(Softmax, CausalRowsDoNotSeeTheFuture) {
    for (Config config : configs()) {
        if (!is_causal(config)) continue;
        config.q_len.clear(), config.kv_len.clear();
        const Case call = make_case(config);
        const Bits before = run_here(call);
        for (const std::int64_t t : {1, 16, 33, 47, 100, 131}) {
            Case changed = own(own(own(call, "q"), "k"), "v");
            for (const char *name : {"q", "k", "v"}) {
                Tensor &tensor = changed.tensors[name];
                const std::int64_t row = tensor.shape[2] * tensor.shape[3];
                for (std::int64_t i = 0; i < tensor.elements(); ++i)
                    if (i / row % config.Lq >= t) tensor.set(i, 50 - tensor.at(i));
            }
            std::vector<std::int64_t> past;
            for (std::int64_t i = 0; i < t; ++i) past.push_back(i);
            for (const auto &[name, bits] : run_here(changed)) {
                const auto &shape = call.tensors.at(name).shape;
                const std::size_t rows = name == "o" ? 1 : 2;
                EXPECT_EQ(slices(bits, shape, rows, past),
                          slices(before.at(name), shape, rows, past))
                    << name << " before " << t << ": " << describe(config);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cpu, Softmax,
    testing::Combine(testing::Values("dense", "combiner_fixed", "combiner_axial_rowmajor",
                                     "combiner_mixture_causal", "combiner_mixture_bidir",
                                     "combiner_axial_vertical", "combiner_axial_horizontal",
                                     "combiner_logsparse", "cluster_attn"),
                     testing::ValuesIn(cpu_targets())),
    property_name);

}  // namespace
}  // namespace attune::tests
