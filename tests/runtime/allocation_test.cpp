// Linked with the static library, with the allocation functions that it calls wrapped: the n-th
// allocation fails, and a call that has been made before allocates nothing.
#include <cstdlib>

#include <atomic>

#include "fixture.h"

static std::atomic<int> allocations{0}, fail_at{-1}, live{0};

static bool next_fails() { return allocations++ == fail_at; }

extern "C" {

void *__real_malloc(size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t bytes) { return next_fails() ? nullptr : __real_malloc(bytes); }
void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
    return next_fails() ? nullptr : __real_aligned_alloc(alignment, bytes);
}
char *__wrap_strdup(const char *text) { return next_fails() ? nullptr : __real_strdup(text); }

}  // extern "C"

static void *counting_allocate(void *, size_t bytes) {
    if (next_fails()) return nullptr;
    live++;
    return __real_aligned_alloc(64, (bytes + 63) / 64 * 64);
}
static void counting_release(void *, void *memory) {
    live--;
    free(memory);
}

static attune_options counting_options(int threads) {
    attune_options o = options(threads);
    o.allocate = counting_allocate;
    o.release = counting_release;
    return o;
}

class Allocation : public testing::TestWithParam<int> {
protected:
    void TearDown() override { fail_at = -1; }
    int threads() const { return GetParam(); }
};

TEST_P(Allocation, NoneInTheSteadyState) {
    for (bool own : {false, true}) {
        Context context = make_context(own ? counting_options(threads()) : options(threads()));
        MixCall call;
        call.give_all();
        call.args.sums = nullptr;
        // Until every thread has held as much scratch at once as it can.
        for (int i = 0; i < 200; i++) ASSERT_EQ(call.call(context.get()), ATTUNE_OK);
        const int before = allocations;
        for (int i = 0; i < 50; i++) ASSERT_EQ(call.call(context.get()), ATTUNE_OK);
        call.check();
        if (threads() == 1) {
            EXPECT_EQ(allocations, before);
        }
        // At most two blocks a thread, the output's and that of the permutation's check.
        EXPECT_LE(allocations, before + 2 * threads() + 2);
    }
}

TEST_P(Allocation, NthFailsAndAllComesBack) {
    int failures = 0, refused_lists = 0;
    bool reached = true;
    for (int n = 0; reached && n < 100; n++) {
        {
            Context context = make_context(counting_options(threads()));
            MixCall call;
            call.give_all();
            call.args.sums = nullptr;
            allocations = 0;
            fail_at = n;
            const attune_status status = call.call(context.get());
            reached = allocations > n;
            fail_at = -1;
            if (status == ATTUNE_OUT_OF_MEMORY) {
                EXPECT_NE(std::string(attune_error_message()).find("no memory"), std::string::npos);
                failures++;
            } else {
                EXPECT_EQ(status, ATTUNE_OK);
                refused_lists += reached;  // of threads: the call runs with fewer
            }
            ASSERT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
            call.check();
        }
        EXPECT_EQ(live, 0);
    }
    EXPECT_FALSE(reached);
    EXPECT_GE(failures, 3);  // the permutation's check, the absent output, a kernel's scratch
    EXPECT_EQ(refused_lists, threads() > 1 ? 1 : 0);
}

TEST_P(Allocation, FewerThreadsThanAskedFor) {
    Context context = make_context(counting_options(threads()));
    MixCall call;
    allocations = 0;
    HookGuard hook([](int, void **) {
        fail_at = allocations.load();  // the list of threads, made at the first loop
        return 0;
    });
    const attune_status status = call.call(context.get());
    EXPECT_EQ(status, threads() > 1 ? ATTUNE_OK : ATTUNE_OUT_OF_MEMORY);
    fail_at = -1;
    fake::on_call = nullptr;
    ASSERT_EQ(call.call(context.get()), ATTUNE_OK);
    call.check();
}

TEST_P(Allocation, ContextCreation) {
    for (int n = 0; n < 2; n++) {
        attune_options o = options(threads());
        o.kernel = "mix";
        attune_context *context = nullptr;
        allocations = 0;
        fail_at = n;
        EXPECT_EQ(attune_context_create(&o, &context), ATTUNE_OUT_OF_MEMORY);
        EXPECT_EQ(context, nullptr);
    }
}

TEST_P(Allocation, ScratchIsAligned) {
    static void *(*shifted)(void *, size_t) = [](void *, size_t bytes) -> void * {
        return static_cast<char *>(__real_malloc(bytes + 8)) + 8;
    };
    attune_options o = options(threads());
    o.allocate = shifted;
    o.release = [](void *, void *memory) { free(static_cast<char *>(memory) - 8); };
    Context context = make_context(o);
    HookGuard hook([](int, void **args) {
        void *user = *static_cast<void **>(args[0]);
        for (size_t bytes : {size_t(0), size_t(1), size_t(64), size_t(65), size_t(100000)}) {
            void *memory = attune_malloc(user, bytes);
            EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 64, 0u);
            memset(memory, 1, bytes);
            attune_free(user, memory);
        }
        return 0;
    });
    MixCall call;
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK);
}

TEST_P(Allocation, HugeRequestIsOutOfMemory) {
    Context context = make_context(options(threads()));
    for (size_t bytes : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 - 100}) {
        HookGuard hook([&](int, void **args) {
            attune_malloc(*static_cast<void **>(args[0]), bytes);
            ADD_FAILURE() << "must not return";
            return 0;
        });
        MixCall call;
        EXPECT_EQ(call.call(context.get()), ATTUNE_OUT_OF_MEMORY);
        EXPECT_TRUE(call.untouched());
    }
}

INSTANTIATE_TEST_SUITE_P(Threads, Allocation, testing::Values(1, 4));
