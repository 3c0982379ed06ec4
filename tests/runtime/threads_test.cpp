// Parallel loops, and calls from many threads at once. Runs under the thread sanitizer as well.
#include <atomic>
#include <chrono>
#include <thread>

#include "fixture.h"

// Tasks of an index each, as generated code submits them.
static std::vector<int> visits(attune_context *context, int min, int size) {
    std::vector<std::atomic<int>> count(size_t(std::max(size, 0)) + 1);
    struct Closure {
        std::vector<std::atomic<int>> *count;
        int min;
    } closure = {&count, min};
    HookGuard hook([&](int, void **args) {
        const halide_task_t task = [](void *, int index, uint8_t *c) {
            Closure &mine = *reinterpret_cast<Closure *>(c);
            (*mine.count)[size_t(index - mine.min)]++;
            return 0;
        };
        return attune_do_par_for(*static_cast<void **>(args[0]), task, min, size,
                                 reinterpret_cast<uint8_t *>(&closure));
    });
    MixCall call;
    EXPECT_EQ(call.call(context), ATTUNE_OK) << attune_error_message();
    return std::vector<int>(count.begin(), count.end() - 1);
}

TEST(Threads, EachIndexOnce) {
    for (int threads : {1, 2, 3, 64}) {
        Context context = make_context(options(threads));
        for (int size : {1, 2, 7, 1000}) {
            EXPECT_EQ(visits(context.get(), -3, size), std::vector<int>(size_t(size), 1));
        }
        EXPECT_EQ(visits(context.get(), 5, 0), std::vector<int>());
        EXPECT_EQ(visits(context.get(), 5, -1), std::vector<int>());
    }
}

TEST(Threads, OneThreadRunsInline) {
    Context context = make_context(options(1));
    HookGuard hook([](int, void **args) {
        std::thread::id caller = std::this_thread::get_id();
        const halide_task_t task = [](void *, int, uint8_t *id) {
            return *reinterpret_cast<std::thread::id *>(id) == std::this_thread::get_id() ? 0 : 1;
        };
        return attune_do_par_for(*static_cast<void **>(args[0]), task, 0, 100,
                                 reinterpret_cast<uint8_t *>(&caller));
    });
    MixCall call;
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
}

// All tasks wait for each other: works only if as many threads as asked for run them.
TEST(Threads, AllTakePart) {
    constexpr int kThreads = 8;
    Context context = make_context(options(kThreads));
    HookGuard hook([](int, void **args) {
        std::atomic<int> inside{0};
        const halide_task_t task = [](void *, int, uint8_t *closure) {
            auto &count = *reinterpret_cast<std::atomic<int> *>(closure);
            count++;
            while (count < kThreads) std::this_thread::yield();
            return 0;
        };
        return attune_do_par_for(*static_cast<void **>(args[0]), task, 0, kThreads,
                                 reinterpret_cast<uint8_t *>(&inside));
    });
    MixCall call;
    for (int i = 0; i < 20; i++) ASSERT_EQ(call.call(context.get()), ATTUNE_OK);
}

// Waits until `count` is `wanted`; false after ten seconds.
static bool reaches(const std::atomic<int> &count, int wanted) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (count < wanted) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::yield();
    }
    return true;
}

// Calls whose loop has two tasks, on two threads; each gets a new Closure, made by the caller.
template <typename Closure>
static void run_two(halide_task_t task) {
    HookGuard hook([task](int, void **args) {
        Closure closure;
        return attune_do_par_for(*static_cast<void **>(args[0]), task, 0, 2,
                                 reinterpret_cast<uint8_t *>(&closure));
    });
    Context context = make_context(options(2));
    MixCall call;
    for (int i = 0; i < 20; i++) {
        ASSERT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    }
}

// Each of two threads has a task; the caller's ends at once, the other's submits two tasks that
// wait for each other.
TEST(Threads, ASubmitterHelpsBelowItsTasks) {
    struct Closure {
        std::thread::id caller = std::this_thread::get_id();
        std::atomic<int> outer{0}, inner{0};
    };
    run_two<Closure>([](void *user, int, uint8_t *c) {
        Closure &mine = *reinterpret_cast<Closure *>(c);
        mine.outer++;
        if (!reaches(mine.outer, 2)) return 1;
        if (std::this_thread::get_id() == mine.caller) return 0;
        const halide_task_t below = [](void *, int, uint8_t *d) {
            Closure &same = *reinterpret_cast<Closure *>(d);
            same.inner++;
            return reaches(same.inner, 2) ? 0 : 2;
        };
        return attune_do_par_for(user, below, 0, 2, c);
    });
}

// The lines that a thread wrote are in its core's cache. Who gives first takes first.
TEST(Threads, ScratchComesBackToTheThreadThatGaveIt) {
    struct Closure {
        std::atomic<int> taken{0}, given{0}, again{0};
    };
    run_two<Closure>([](void *user, int, uint8_t *c) {
        Closure &mine = *reinterpret_cast<Closure *>(c);
        void *first = attune_malloc(user, 10000);
        mine.taken++;
        const bool both = reaches(mine.taken, 2);
        attune_free(user, first);
        const int before = mine.given++;
        if (!both || !reaches(mine.given, 2) || !reaches(mine.again, before)) return 1;
        void *second = attune_malloc(user, 10000);
        mine.again++;
        const bool all = reaches(mine.again, 2);
        attune_free(user, second);
        return all && first == second ? 0 : 2;
    });
}

TEST(Threads, SameBitsForAnyCount) {
    MixCall one;
    one.give_all();
    ASSERT_EQ(one.call(make_context(options(1)).get()), ATTUNE_OK);
    for (int threads : {2, 5, 64}) {
        MixCall many;
        many.give_all();
        Context context = make_context(options(threads));
        for (int i = 0; i < 10; i++) ASSERT_EQ(many.call(context.get()), ATTUNE_OK);
        EXPECT_EQ(memcmp(one.out.data(), many.out.data(), 192 * 4), 0);
        EXPECT_EQ(memcmp(one.sums.data(), many.sums.data(), 24 * 4), 0);
    }
}

// Runs tasks backwards, each on a thread of its own.
static void unusual_parallel_for(void *user, int count, attune_task task, void *closure) {
    static_cast<std::atomic<int> *>(user)->fetch_add(1);
    std::vector<std::thread> threads;
    for (int i = count - 1; i >= 0; i--) threads.emplace_back(task, closure, i);
    for (std::thread &t : threads) t.join();
}

TEST(Threads, CallersParallelFor) {
    std::atomic<int> used{0};
    attune_options o = options(3);
    o.parallel_for = unusual_parallel_for;
    o.parallel_user = &used;
    Context context = make_context(o);
    MixCall call;
    call.give_all();
    ASSERT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    call.check();
    EXPECT_EQ(used, 1 + 6);  // rows, and the heads of each row
    EXPECT_EQ(visits(context.get(), 0, 100), std::vector<int>(100, 1));
}

// A task's failure ends the call; the loops around it still come back.
TEST(Threads, FailureInANestedTask) {
    std::atomic<int> used{0};
    for (int kind = 0; kind < 3; kind++) {
        attune_options o = options(kind == 0 ? 1 : 4);
        if (kind == 2) o.parallel_for = unusual_parallel_for;
        o.parallel_user = &used;
        Context context = make_context(o);
        HookGuard hook([](int, void **args) {
            const halide_task_t inner = [](void *, int i, uint8_t *) { return i == 3 ? 5 : 0; };
            static halide_task_t nested;
            nested = inner;
            const halide_task_t outer = [](void *user, int, uint8_t *closure) {
                void *held = attune_malloc(user, 1000);
                attune_do_par_for(user, nested, 0, 8, closure);
                attune_free(user, held);
                return 0;
            };
            attune_do_par_for(*static_cast<void **>(args[0]), outer, 0, 8, nullptr);
            ADD_FAILURE() << "generated code must not go on after a failure";
            return 0;
        });
        MixCall call;
        EXPECT_EQ(call.call(context.get()), ATTUNE_INTERNAL);
        EXPECT_STREQ(attune_error_message(), "mix_f32_x86-64: a parallel task returned 5");
        fake::on_call = nullptr;
        EXPECT_EQ(call.call(context.get()), ATTUNE_OK);
        call.check();
    }
}

static void call_repeatedly(attune_context *context, int times) {
    MixCall call;
    call.give_all();
    for (int i = 0; i < times; i++) {
        call.out.fill(-77.f, 0.f);
        ASSERT_EQ(call.call(context), ATTUNE_OK) << attune_error_message();
        call.check();
    }
}

static void from_many_threads(const std::function<void()> &work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++) threads.emplace_back(work);
    for (std::thread &t : threads) t.join();
}

TEST(Concurrency, SharedContext) {
    for (int threads : {1, 3}) {
        Context context = make_context(options(threads));
        from_many_threads([&] { call_repeatedly(context.get(), 20); });
    }
}

TEST(Concurrency, OwnContexts) {
    from_many_threads([] {
        Context context = make_context(options(3));
        call_repeatedly(context.get(), 20);
    });
}

TEST(Concurrency, MessagesBelongToTheirThread) {
    Context context = make_context(options(2));
    from_many_threads([&] {
        EXPECT_STREQ(attune_error_message(), "");
        MixCall call;
        const int extent = int(std::hash<std::thread::id>()(std::this_thread::get_id()) % 1000 + 9);
        call.y.extent(3) = extent;
        EXPECT_EQ(call.call(context.get()), ATTUNE_BAD_EXTENT);
        const std::string expected = "extent D of tensor 'y' is " + std::to_string(extent) + ";";
        EXPECT_NE(std::string(attune_error_message()).find(expected), std::string::npos);
    });
}
