// A row's bits depend on its own query, keys, lengths and attributes, on the pack and the CPU tier:
// never on threads, batch, heads, strides or what else is in the call.
#include "property.h"

#include <numeric>

namespace attune::tests {
namespace {

class SameBits : public Property {};

TEST_P(SameBits, ForAnyThreads) {
    for (const Config &config : all_configs()) {
        const Case call = make_case(config);
        const Bits want = run_here(call);
        for (const int threads : {1, 2, 3, 7, 64}) {
            const Context other = make_context(options(target(), threads));
            EXPECT_EQ(run(other.get(), again(call)), want)
                << threads << " threads: " << describe(config);
        }
    }
}

void run_backwards(void *, int count, attune_task task, void *closure) {
    for (int i = count; i-- > 0;) task(closure, i);
}

TEST_P(SameBits, ForTheCallersParallelFor) {
    for (const Config &config : all_configs()) {
        const Case call = make_case(config);
        attune_options wanted = options(target(), 5);
        wanted.parallel_for = run_backwards;
        const Context other = make_context(wanted);
        EXPECT_EQ(run(other.get(), again(call)), run_here(call)) << describe(config);
    }
}

TEST_P(SameBits, ForAnyLayout) {
    for (Config config : all_configs()) {
        const Bits want = run_here(make_case(config));
        for (const Layout layout : {Layout::bhld, Layout::packed, Layout::padded, Layout::sparse})
            for (const Guard guard : {Guard::after, Guard::before}) {
                if (layout == Layout::sparse && guard == Guard::before) continue;  // much memory
                config.layout = layout, config.guard = guard;
                EXPECT_EQ(run_here(make_case(config)), want) << describe(config);
            }
    }
}

// Of one output, the elements of batch elements `order`.
std::vector<std::uint32_t> of_batch(const Case &call, const std::string &output,
                                    const std::vector<std::uint32_t> &bits,
                                    const std::vector<std::int64_t> &order) {
    const auto dimension = static_cast<std::size_t>(dimension_of(call, output, "B"));
    return slices(bits, call.tensors.at(output).shape, dimension, order);
}

TEST_P(SameBits, ForAnElementAlone) {
    for (const Config &config : all_configs()) {
        const Case call = make_case(config);
        if (call.has("cu_q")) continue;  // varlen_test.cpp takes sequences out of a pack
        const Bits whole = run_here(call);
        for (std::int64_t b = 0; b < config.B; ++b) {
            const Bits alone = run_here(take_all(call, "B", {b}));
            for (const auto &[name, bits] : alone)
                EXPECT_EQ(bits, of_batch(call, name, whole.at(name), {b}))
                    << name << " of batch element " << b << ": " << describe(config);
        }
    }
}

// Slices of heads: of queries by G consecutive ones, of keys one each.
Case take_heads(const Case &call, const std::vector<std::int64_t> &key_heads, std::int64_t group,
                std::vector<std::int64_t> &heads) {
    heads.clear();
    for (const std::int64_t kv : key_heads)
        for (std::int64_t g = 0; g < group; ++g) heads.push_back(kv * group + g);
    if (call.has("u")) return take_all(take_all(call, "Ha", heads), "Hc", key_heads);
    const bool dense = call.op.compare(0, 5, "dense") == 0;
    return take_all(take_all(call, dense ? "Hq" : "H", heads), "Hkv", key_heads);
}

// Columns of ctx that hold heads of the attention and, a group for each of their groups, of the
// convolution.
std::vector<std::int64_t> channels(const Config &c, const std::vector<std::int64_t> &heads) {
    std::vector<std::int64_t> columns, groups;
    for (const std::int64_t h : heads) {
        for (std::int64_t d = 0; d < c.D; ++d) columns.push_back(h * c.D + d);
        const std::int64_t group = h / (c.Hq / c.Hkv);
        if (groups.empty() || groups.back() != group) groups.push_back(group);
    }
    for (const std::int64_t g : groups)
        for (std::int64_t r = 0; r < c.Dv; ++r) columns.push_back(c.Hq * c.D + g * c.Dv + r);
    return columns;
}

void expect_heads(const Config &config, const Case &call, const Bits &whole, const Bits &taken,
                  const std::vector<std::int64_t> &heads) {
    for (const auto &[name, bits] : taken) {
        const auto &shape = call.tensors.at(name).shape;  // [.., H, D] or [.., H, L]; of ctx C
        const std::vector<std::uint32_t> &all = whole.at(name);
        EXPECT_EQ(bits, name == "ctx" ? slices(all, shape, 2, channels(config, heads))
                                      : slices(all, shape, shape.size() - 2, heads))
            << name << ": " << describe(config);
    }
}

TEST_P(SameBits, ForAHeadAlone) {
    if (mixes_heads(op())) GTEST_SKIP() << "heads depend on each other";
    for (const Config &config : all_configs()) {
        const Case call = make_case(config);
        const Bits whole = run_here(call);
        std::vector<std::int64_t> heads;
        for (std::int64_t kv = 0; kv < config.Hkv; ++kv) {
            const Case one = take_heads(call, {kv}, config.Hq / config.Hkv, heads);
            expect_heads(config, call, whole, run_here(one), heads);
        }
    }
}

// One query of heads that share keys: parts of a tile of rows, several tiles and blocks.
std::vector<Config> grouped(const std::vector<Config> &configs) {
    std::vector<Config> all;
    for (Config c : configs) {
        c.Hkv = 1, c.Hq = all.size() % 2 ? 9 : 3;
        if (c.op != "dense_varlen") c.Lq = 1, c.Lk = 1100;
        if (!c.kv_len.empty()) c.kv_len = {1100, 0, 1030};
        if (!c.q_len.empty()) c.q_len = {1, 1, 0};
        if (all.size() % 3 == 2) c.attributes["left"] = 1040.0;
        c.sink = all.size() % 4 == 3 && c.op != "dense_split";
        all.push_back(c);
    }
    return all;
}

// With one query a sequence, heads that share keys are rows of a block, in another kernel than a
// head that shares none.
TEST_P(SameBits, ForAQueryHeadAlone) {
    if (op().compare(0, 5, "dense") != 0 || op() == "dense_merge")
        GTEST_SKIP() << "no query heads that share keys";
    for (const Dtype dtype : dtypes(op(), {target()}))
        for (Config config : grouped(configs())) {
            config.dtype = dtype;
            const Case call = make_case(config);
            const Bits whole = run_here(call);
            for (const std::int64_t h : {std::int64_t{0}, config.Hq - 1}) {
                const std::vector<std::int64_t> head = {h};
                expect_heads(config, call, whole, run_here(take_all(call, "Hq", head)), head);
            }
        }
}

TEST_P(SameBits, ForPermutedBatchAndHeads) {
    for (const Config &config : all_configs()) {
        const Case call = make_case(config);
        const Bits whole = run_here(call);
        const std::vector<std::int64_t> batch = {2, 0, 1};
        if (!call.has("cu_q")) {
            for (const auto &[name, bits] : run_here(take_all(call, "B", batch)))
                EXPECT_EQ(bits, of_batch(call, name, whole.at(name), batch))
                    << name << ": " << describe(config);
        }
        if (mixes_heads(op())) continue;
        std::vector<std::int64_t> key_heads(static_cast<std::size_t>(config.Hkv)), heads;
        std::iota(key_heads.rbegin(), key_heads.rend(), 0);
        const Case turned = take_heads(call, key_heads, config.Hq / config.Hkv, heads);
        expect_heads(config, call, whole, run_here(turned), heads);
    }
}

TEST_P(SameBits, WithAndWithoutLse) {
    for (const char *other : {"dense_split", "dense_merge", "lsra_core", "lsra_core_step"})
        if (op() == other || is_combiner(op()) || is_tls(op()))
            GTEST_SKIP() << "has no lse, or always one";
    for (Config config : all_configs()) {
        const Bits with = run_here(make_case(config));
        config.lse = false;
        EXPECT_EQ(run_here(make_case(config)).at("o"), with.at("o")) << describe(config);
    }
}

TEST_P(SameBits, EveryTime) {
    for (const Config &config : all_configs()) {
        const Case call = make_case(config);
        const Bits first = run_here(call);
        for (int i = 0; i < 5; ++i) EXPECT_EQ(run_here(again(call)), first) << describe(config);
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, SameBits,
                         testing::Combine(testing::ValuesIn(all_ops()),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

}  // namespace
}  // namespace attune::tests
