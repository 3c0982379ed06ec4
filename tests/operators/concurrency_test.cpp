// Many threads call one pack at once: each with a context of its own, and all sharing one. Run
// under ThreadSanitizer too.
#include "property.h"

#include <atomic>
#include <functional>
#include <thread>

namespace attune::tests {
namespace {

class Concurrency : public Property {
protected:
    // Threads call by turns different configurations; all must get the bits of a lone call.
    void hammer(const std::function<attune_context *(int)> &context_of) {
        std::vector<Case> calls;
        std::vector<Bits> want;
        for (const Config &config : configs()) {
            calls.push_back(make_case(config));
            want.push_back(run_here(calls.back()));
        }
        std::atomic<int> wrong{0};
        std::vector<std::thread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&, t] {
                for (std::size_t i = 0; i < 2 * calls.size(); ++i) {
                    const std::size_t which = (i + static_cast<std::size_t>(t)) % calls.size();
                    const Case call = again(calls[which]);
                    const attune_status status = tests::call(context_of(t), test_pack(), call);
                    if (status != ATTUNE_OK || bits_of(call) != want[which]) ++wrong;
                }
            });
        for (std::thread &thread : threads) thread.join();
        EXPECT_EQ(wrong, 0);
    }
};

TEST_P(Concurrency, ContextsOfTheirOwn) {
    std::vector<Context> contexts;
    for (int t = 0; t < 8; ++t) contexts.push_back(make_context(options(target(), 1 + t % 3)));
    hammer([&](int t) { return contexts[static_cast<std::size_t>(t)].get(); });
}

TEST_P(Concurrency, OneSharedContext) {
    const Context context = make_context(options(target(), 3));
    hammer([&](int) { return context.get(); });
}

TEST_P(Concurrency, ContextsComeAndGo) {
    const Case call = make_case(configs().front());
    const Bits want = run_here(call);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 6; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 5; ++i) {
                const Context context = make_context(options(target(), 2));
                if (run(context.get(), again(call)) != want) ++wrong;
            }
        });
    for (std::thread &thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

std::string keys_or_values(const Case &call, bool values) {
    if (call.op == "dense_merge") return values ? "o_part" : "lse_part";
    const char *suffix = call.has("k_pages") ? "_pages" : call.has("kw") ? "w" : "";
    return std::string(values ? "v" : "k") + suffix;
}

// Each thread has a message of its own.
TEST_P(Concurrency, MessagesDoNotMix) {
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            Case call = make_case(configs().front());
            const std::string missing = keys_or_values(call, t % 2 == 0);
            call.tensors.erase(missing);
            for (int i = 0; i < 50; ++i) {
                const attune_status status = tests::call(context(), test_pack(), call);
                const std::string message = attune_error_message();
                // A tensor that is required, or one that a rule asks for.
                const bool named = message.find("'" + missing + "'") != std::string::npos ||
                                   message.find(missing + " absent") != std::string::npos;
                if (status == ATTUNE_OK || !named) ++wrong;
            }
        });
    for (std::thread &thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Concurrency,
                         testing::Combine(testing::ValuesIn(all_ops()),
                                          testing::Values(cpu_targets().back())),
                         property_name);

}  // namespace
}  // namespace attune::tests
