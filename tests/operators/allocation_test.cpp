// Memory of a call: none that is new in the steady state, and none that grows with Lq * Lk.
#include "count_new.h"
#include "property.h"

#include <atomic>
#include <cstdlib>

namespace attune::tests {
namespace {

struct Counts {
    std::atomic<long> calls{0}, live{0}, fail_at{-1};
    std::atomic<std::size_t> bytes{0};

    static void *allocate(void *user, std::size_t bytes) {
        auto *const counts = static_cast<Counts *>(user);
        if (counts->calls++ == counts->fail_at) return nullptr;
        ++counts->live;
        counts->bytes += bytes;
        return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    }
    static void release(void *user, void *memory) {
        if (memory) --static_cast<Counts *>(user)->live;
        std::free(memory);
    }
};

Context counting_context(const std::string &target, Counts &counts, int threads = 2) {
    attune_options wanted = options(target, threads);
    wanted.allocate = Counts::allocate;
    wanted.release = Counts::release;
    wanted.memory_user = &counts;
    return make_context(wanted);
}

class Allocation : public Property {};

struct Growth {
    long scratch, news;
};

// Allocations of `calls` calls after `before` others.
Growth growth(attune_context *context, const Counts &counts, const Case &call, int before,
              int calls) {
    const int variant = variant_of(test_pack(), call.op);
    const Arguments arguments(test_pack()->variant[variant], call);
    int failed = 0;
    Growth start{};
    for (int i = 0; i < before + calls; ++i) {
        if (i == before) start = {counts.calls, news()};
        failed += attune_call(context, test_pack(), variant, arguments.data()) != ATTUNE_OK;
    }
    const Growth end = {counts.calls - start.scratch, news() - start.news};
    EXPECT_EQ(failed, 0) << attune_error_message();
    return end;
}

TEST_P(Allocation, NoneInTheSteadyState) {
    for (const Config &config : configs()) {
        Counts counts;
        const Context context = counting_context(target(), counts, 1);
        const Growth more = growth(context.get(), counts, make_case(config), 2, 20);
        EXPECT_EQ(more.scratch, 0) << describe(config);
        EXPECT_EQ(more.news, 0) << describe(config);
    }
}

// With more threads the first call to use them all at once comes sooner or later.
TEST_P(Allocation, BoundedByThreads) {
    for (const Config &config : configs()) {
        Counts one, four;
        const Case call = make_case(config);
        run(counting_context(target(), one, 1).get(), call);
        const Context context = counting_context(target(), four, 4);
        EXPECT_EQ(growth(context.get(), four, call, 5, 100).news, 0) << describe(config);
        EXPECT_LE(four.calls, 4 * one.calls) << describe(config);
    }
}

TEST_P(Allocation, AllIsReleasedWithTheContext) {
    Counts counts;
    {
        const Context context = counting_context(target(), counts, 7);
        for (const Config &config : configs()) run(context.get(), make_case(config));
    }
    EXPECT_EQ(counts.live, 0);
}

TEST_P(Allocation, GrowsWithLengthNotItsSquare) {
    std::size_t bytes[2];
    for (int i = 0; i < 2; ++i) {
        Config config = configs().front();
        config.B = config.Hq = config.Hkv = 1;
        config.q_len.clear(), config.kv_len.clear();
        config.Lq = config.Lk = i ? 4224 : 528;  // 8 times as long
        Counts counts;
        const Context context = counting_context(target(), counts);
        run(context.get(), make_case(config));
        bytes[i] = counts.bytes;
    }
    // Linear would be 8 times, quadratic 64; fixed parts only lower it.
    EXPECT_LT(bytes[1], 16 * bytes[0] + (1 << 20));
    EXPECT_LT(bytes[1], sizeof(float) * 4224 * 4224 / 4) << "as much as a score matrix";
}

std::size_t scratch(const std::string &target, const Config &config) {
    Counts counts;
    const Context context = counting_context(target, counts, 1);
    run(context.get(), make_case(config));
    return counts.bytes;
}

// Nothing of the inputs is copied: heads are not repeated, pages and packed sequences not gathered.
TEST_P(Allocation, SameForMoreKeysAndHeads) {
    if (op().compare(0, 5, "dense") != 0) GTEST_SKIP() << "pools keys";
    for (const int width : {40, 64})
        for (const int page : {0, 16}) {
            Config base;
            base.op = op();
            base.B = 2, base.Hq = 4, base.Hkv = 2, base.Lq = 40, base.Lk = 528;
            base.D = base.Dv = width;
            base.page = op() == "dense_paged" ? 16 : op() == "dense_split" ? page : 0;
            if (op() == "dense_split") base.attributes["n_split"] = 3.0;
            const std::size_t before = scratch(target(), base);
            Config keys = base, heads = base, batch = base;
            keys.Lk *= 8, keys.parts *= 2;
            heads.Hq *= 4, heads.Hkv *= 2;
            batch.B *= 4;
            for (const Config &more : {keys, heads, batch})
                EXPECT_LE(scratch(target(), more), before) << describe(more);
        }
}

std::size_t input_bytes(const Case &call) {
    std::size_t bytes = 0;
    for (const auto &[name, tensor] : call.tensors)
        bytes += tensor.elements() * oracle::size_of(tensor.dtype);
    return bytes;
}

// Summaries of a token may be kept, but neither K nor V, which are most of these inputs.
TEST_P(Allocation, GrowsByLessThanKeysAndValues) {
    const std::string family = op().substr(0, op().find('_'));
    if (family != "tls" && op() != "combiner_fixed" && op() != "lsra_core")
        GTEST_SKIP() << "dense: SameForMoreKeysAndHeads; others keep results of stages";
    std::size_t scratched[2], given[2];
    for (const int i : {0, 1}) {
        Config config = configs().front();
        config.B = 1, config.Hq = config.Hkv = 4, config.D = config.Dv = 128;
        config.q_len.clear(), config.kv_len.clear();
        config.Lq = config.Lk = i ? 4224 : 1056;
        if (op() == "tls_image2d") config.attributes["nx"] = i ? 64.0 : 32.0;
        if (op() == "tls_image2d") config.attributes["w"] = 8.0;
        if (op().compare(0, 10, "tls_causal") == 0) {
            config.Lk = 10;  // chunks of the cache
            config.attributes["S"] = 16.0, config.attributes["r"] = 1.0;
        }
        scratched[i] = scratch(target(), config);
        given[i] = input_bytes(make_case(config));
    }
    // The global token attends to the results of all others, which are kept until then.
    const std::size_t part = op() == "tls_image2d" ? 2 : 8;
    EXPECT_LT(scratched[1], scratched[0] + (given[1] - given[0]) / part);
}

TEST_P(Allocation, FailureIsAStatus) {
    for (const Config &config : configs())
        for (long n = 0; n < 4; ++n) {
            Counts counts;
            counts.fail_at = n;
            {
                const Context context = counting_context(target(), counts, 1);
                const Case call = make_case(config);
                const attune_status status = tests::call(context.get(), test_pack(), call);
                EXPECT_EQ(status, counts.calls > n ? ATTUNE_OUT_OF_MEMORY : ATTUNE_OK)
                    << attune_error_message();
                // The context works on.
                counts.fail_at = -1;
                EXPECT_EQ(run(context.get(), again(call)), run_here(again(call)));
            }
            EXPECT_EQ(counts.live, 0);
        }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Allocation,
                         testing::Combine(testing::ValuesIn(all_ops()),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

}  // namespace
}  // namespace attune::tests
