// On which processors the threads of a context work: of the library's inside.
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "runtime/threads.h"

namespace {

cpu_set_t allowed_here() {
    cpu_set_t set;
    EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    return set;
}

void keep_on(int processor) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(size_t(processor), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
}

// Both threads' processors, and the worker's affinity, at the start of a loop of two tasks.
struct Look {
    std::thread::id caller = std::this_thread::get_id();
    std::atomic<int> inside{0};
    int callers = -1, workers = -1;
    cpu_set_t allowed = {};

    static void work(attune::Job &job, int thread) {
        Look &look = *static_cast<Look *>(job.closure);
        int index;
        while (job.take(thread, &index)) {
            if (std::this_thread::get_id() == look.caller) {
                look.callers = sched_getcpu();
            } else {
                look.workers = sched_getcpu();
                look.allowed = allowed_here();
            }
            look.inside++;
            while (look.inside < 2) {
            }
        }
    }
};

class Processors : public testing::Test {
protected:
    void SetUp() override {
        attune_options options;
        attune_options_defaults(&options);
        options.threads = 2;
        threads.init(options);
    }
    void TearDown() override {
        EXPECT_EQ(sched_setaffinity(0, sizeof allowed, &allowed), 0);
        threads.stop();
    }
    void run(Look &look) {
        attune::Job job(Look::work, &look, 2);
        threads.run(job);
    }

    const cpu_set_t allowed = allowed_here();
    attune::Threads threads;
};

TEST_F(Processors, AWorkerWakesUpWhereTheSubmitterIsNot) {
    std::vector<int> all;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed)) all.push_back(i);
    if (all.size() < 2) GTEST_SKIP() << "one processor";
    Look first;
    run(first);
    for (int i = 0; i < 20; i++) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));  // it goes to sleep
        keep_on(all[i % 2]);
        Look look;
        run(look);
        EXPECT_EQ(look.callers, all[i % 2]);
        EXPECT_NE(look.workers, look.callers);
        EXPECT_TRUE(CPU_EQUAL(&look.allowed, &allowed)) << "a worker at work may go anywhere";
    }
}

// The worker's affinity is the one that it had when it was made.
TEST_F(Processors, OneIsEnough) {
    keep_on(sched_getcpu());
    for (int i = 0; i < 3; i++) {
        Look look;
        run(look);
        EXPECT_EQ(look.workers, look.callers);
        EXPECT_EQ(CPU_COUNT(&look.allowed), 1);
    }
}

}  // namespace
