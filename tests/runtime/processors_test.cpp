// Which processors the threads of a context work on: of the library's inside.
#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

#include "runtime/threads.h"

static cpu_set_t allowed_here() {
    cpu_set_t set;
    EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    return set;
}

static cpu_set_t only(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return set;
}

TEST(Processors, AThreadLeavesOneThatIsTaken) {
    const cpu_set_t allowed = allowed_here();
    if (CPU_COUNT(&allowed) < 2) GTEST_SKIP() << "one processor";
    attune::Processors processors;
    const cpu_set_t here = only(sched_getcpu());
    ASSERT_EQ(sched_setaffinity(0, sizeof here, &here), 0);
    const int own = processors.occupy();
    ASSERT_GE(own, 0);
    EXPECT_EQ(processors.occupy(), -1);
    EXPECT_EQ(processors.occupy_another(), -1);  // the affinity of this thread allows no other

    std::thread([&] {
        ASSERT_EQ(sched_setaffinity(0, sizeof allowed, &allowed), 0);
        const int other = processors.occupy_another();
        ASSERT_GE(other, 0);
        EXPECT_NE(other, own);
        EXPECT_TRUE(CPU_ISSET(other, &allowed));
        const cpu_set_t after = allowed_here();
        EXPECT_TRUE(CPU_EQUAL(&after, &allowed));
        processors.vacate(other);
        EXPECT_EQ(processors.occupy_another(), other);
    }).join();

    processors.vacate(own);
    EXPECT_EQ(processors.occupy(), own);
    EXPECT_EQ(sched_setaffinity(0, sizeof allowed, &allowed), 0);
}

TEST(Processors, NoneIsLeft) {
    const cpu_set_t allowed = allowed_here();
    attune::Processors processors;
    for (int i = 0; i < CPU_COUNT(&allowed); i++) EXPECT_GE(processors.occupy_another(), 0);
    EXPECT_EQ(processors.occupy_another(), -1);
    EXPECT_EQ(processors.occupy(), -1);
    processors.vacate(-1);
}
