// Loading packs. The libraries are built beside the test.
#include <dlfcn.h>

#include <fstream>

#include "fixture.h"

static const std::string folder = ATTUNE_TEST_LIBRARIES;

TEST(Pack, LoadsOnceAndIsFound) {
    const attune_pack *pack = nullptr, *again = nullptr;
    ASSERT_EQ(attune_pack_load((folder + "/libfake_pack.so").c_str(), &pack), ATTUNE_OK)
        << attune_error_message();
    EXPECT_STREQ(pack->name, "fake");
    ASSERT_EQ(attune_pack_load((folder + "/libfake_pack.so").c_str(), &again), ATTUNE_OK);
    EXPECT_EQ(pack, again);
    int found = 0, count = 0;
    for (; attune_pack_at(count); count++) found += attune_pack_at(count) == pack;
    EXPECT_EQ(found, 1);
    EXPECT_EQ(attune_pack_at(-1), nullptr);
    EXPECT_EQ(attune_pack_at(count + 1), nullptr);
    Context context = make_context(options(2));
    MixCall call;
    call.give_all();
    ASSERT_EQ(attune_call(context.get(), pack, 0, &call.args), ATTUNE_OK) << attune_error_message();
    call.check();
}

TEST(Pack, ThatWasAlreadyInTheProcess) {
    void *library = dlopen((folder + "/libtwin_pack.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    const attune_pack *pack = nullptr;
    ASSERT_EQ(attune_pack_load((folder + "/libtwin_pack.so").c_str(), &pack), ATTUNE_OK)
        << attune_error_message();
    EXPECT_EQ(&pack->name, &static_cast<attune_pack *>(dlsym(library, "twin_pack"))->name);
}

TEST(Pack, RegistersOnce) {
    int before = 0, after = 0;
    attune_register_pack(&fake::pack);
    while (attune_pack_at(before)) before++;
    attune_register_pack(&fake::pack);
    while (attune_pack_at(after)) after++;
    EXPECT_EQ(before, after);
}

static void expect_bad(const std::string &path, const std::string &message) {
    for (int i = 0; i < 2; i++) {  // a second time as well
        const attune_pack *pack = &fake::pack;
        EXPECT_EQ(attune_pack_load(path.c_str(), &pack), ATTUNE_BAD_PACK);
        EXPECT_EQ(pack, nullptr);
        EXPECT_NE(std::string(attune_error_message()).find(message), std::string::npos)
            << attune_error_message();
    }
}

TEST(Pack, NotAPack) {
    expect_bad("/nonexistent/libpack.so", "/nonexistent/libpack.so: ");
    expect_bad(folder + "/libnot_a_pack.so", "the library registers no pack");
    const int ours = ATTUNE_ABI_VERSION;
    expect_bad(folder + "/libother_abi_pack.so",
               "has ABI version 99; this library has " + std::to_string(ours));
    const std::string text = testing::TempDir() + "/text_pack.so";
    std::ofstream(text) << "not an object\n";
    expect_bad(text, "text_pack.so");
    for (int i = 0; attune_pack_at(i); i++) EXPECT_EQ(attune_pack_at(i)->abi_version, ours);
}

TEST(Pack, NullArguments) {
    const attune_pack *pack = &fake::pack;
    EXPECT_EQ(attune_pack_load(nullptr, &pack), ATTUNE_NULL_ARGUMENT);
    EXPECT_EQ(pack, nullptr);
    EXPECT_EQ(attune_pack_load("x", nullptr), ATTUNE_NULL_ARGUMENT);
}
