// Packs in one process.
#include "check.h"
#include "machine.h"

#include <cstdlib>

namespace attune::tests {
namespace {

TEST(Packs, LoadingTwiceGivesTheSamePack) {
    EXPECT_EQ(load_pack(ATTUNE_TEST_PACK), test_pack());
    int times = 0;
    for (int i = 0; attune_pack_at(i); ++i) times += attune_pack_at(i) == test_pack();
    EXPECT_EQ(times, 1);
}

TEST(Packs, AFileThatIsNoPackIsRefused) {
    const attune_pack *pack = nullptr;
    EXPECT_EQ(attune_pack_load(ATTUNE_TEST_DATA "/dense/plain/q.npy", &pack), ATTUNE_BAD_PACK);
    EXPECT_EQ(pack, nullptr);
    EXPECT_STRNE(attune_error_message(), "");
}

// The environment names a second pack: calls of both alternate.
TEST(Packs, TwoLiveTogether) {
    const char *const path = std::getenv("ATTUNE_TEST_SECOND_PACK");
    if (!path || !*path) GTEST_SKIP() << "ATTUNE_TEST_SECOND_PACK is not set";
    const attune_pack *const other = load_pack(path);
    ASSERT_NE(other, test_pack());
    const std::string target = cpu_targets().back();
    int both = 0;
    for (const std::string &op : all_ops()) {
        if (!has_kernel(test_pack(), op, target)) continue;
        bool found = false;
        for (int v = 0; v < other->variants; ++v) found |= other->variant[v].name == op;
        if (!found || !has_kernel(other, op, target)) continue;
        for (int n = 0; n < 20; ++n) {
            const Config config = random_config(op, 2, n);
            Case call = make_case(config);
            const Expected expected(call);
            for (const attune_pack *pack : {test_pack(), other}) {
                add_outputs(call, config.lse);
                ASSERT_EQ(tests::call(context_for(target), pack, call), ATTUNE_OK)
                    << attune_error_message();
                EXPECT_TRUE(expected.holds(call)) << pack->name << ": " << describe(config);
            }
        }
        ++both;
    }
    EXPECT_GT(both, 0) << "the packs share no operator for " << target;
}

}  // namespace
}  // namespace attune::tests
