#include <sched.h>

#include <fstream>

#include "fixture.h"

struct BadOptions {
    const char *name;
    attune_status status;
    const char *message;
    std::function<void(attune_options &)> spoil;
};

static void *no_memory(void *, size_t) { return nullptr; }
static void no_release(void *, void *) {}

static const BadOptions bad_options[] = {
    {"struct_size", ATTUNE_BAD_VERSION, "options: struct_size is 8; this library expects",
     [](attune_options &o) { o.struct_size = 8; }},
    {"threads_negative", ATTUNE_BAD_VALUE, "options: threads = -1; expected 0..4096",
     [](attune_options &o) { o.threads = -1; }},
    {"threads_many", ATTUNE_BAD_VALUE, "options: threads = 5000; expected 0..4096",
     [](attune_options &o) { o.threads = 5000; }},
    {"allocate_alone", ATTUNE_NULL_ARGUMENT, "options: allocate is given without release",
     [](attune_options &o) { o.allocate = no_memory; }},
    {"release_alone", ATTUNE_NULL_ARGUMENT, "options: release is given without allocate",
     [](attune_options &o) { o.release = no_release; }},
    {"target_unknown", ATTUNE_UNKNOWN_NAME, "options: unknown target 'avx1024'; targets are host",
     [](attune_options &o) { o.target = "avx1024"; }},
    {"target_empty", ATTUNE_UNKNOWN_NAME, "options: unknown target ''",
     [](attune_options &o) { o.target = ""; }},
#if defined(__x86_64__)
    {"target_of_another_machine", ATTUNE_UNSUPPORTED_TARGET,
     "options: target 'aarch64' is not supported by this machine, whose best is '",
     [](attune_options &o) { o.target = "aarch64"; }},
#endif
};

TEST(Context, BadOptions) {
    for (const BadOptions &bad : bad_options) {
        SCOPED_TRACE(bad.name);
        attune_options o = options();
        bad.spoil(o);
        attune_context *context = reinterpret_cast<attune_context *>(&o);
        EXPECT_EQ(attune_context_create(&o, &context), bad.status);
        EXPECT_EQ(context, nullptr);
        EXPECT_NE(std::string(attune_error_message()).find(bad.message), std::string::npos)
            << attune_error_message();
    }
    const attune_options good = options();
    EXPECT_EQ(attune_context_create(&good, nullptr), ATTUNE_NULL_ARGUMENT);
}

TEST(Context, NullIsHarmless) {
    attune_options_defaults(nullptr);
    attune_context_destroy(nullptr);
    attune_register_pack(nullptr);
    EXPECT_EQ(attune_context_threads(nullptr), 0);
}

TEST(Context, DefaultsUseAllAllowedProcessors) {
    attune_context *context = nullptr;
    ASSERT_EQ(attune_context_create(nullptr, &context), ATTUNE_OK);
    cpu_set_t mask;
    ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
    EXPECT_EQ(attune_context_threads(context), CPU_COUNT(&mask));
    attune_context_destroy(context);
    EXPECT_EQ(attune_context_threads(make_context(options(7)).get()), 7);
}

bool has_flag(const std::string &name) {
    std::ifstream cpuinfo("/proc/cpuinfo");
    std::string line;
    while (std::getline(cpuinfo, line))
        if (line.rfind("flags", 0) == 0) return (line + " ").find(" " + name + " ") != line.npos;
    return false;
}

TEST(Context, EachTierOfThisMachineAndBelow) {
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd");
    const bool bf16 = has_flag("avx512_bf16"), amx = bf16 && has_flag("amx_bf16");
    const struct {
        const char *target;
        bool works;
    } tiers[] = {{"x86-64", true},
                 {"avx2", avx2},
                 {"avx512", avx512},
                 {"avx512_bf16", bf16},
                 {"avx512_amx", amx},
                 {"x86-64-linux-avx-avx2-f16c-fma-sse41", avx2},
                 {"x86-64-linux-avx512-avx512_sapphirerapids", amx},
                 {"opencl", true},
                 {"cuda", true},
                 {"host", true}};
    for (const auto &tier : tiers) {
        attune_options o = options(1, tier.target);
        attune_context *context = nullptr;
        EXPECT_EQ(attune_context_create(&o, &context),
                  tier.works ? ATTUNE_OK : ATTUNE_UNSUPPORTED_TARGET)
            << tier.target;
        attune_context_destroy(context);
    }
#endif
}

TEST(Context, OptionsAreCopied) {
    std::string filter = "x86-64", target = "x86-64";
    attune_options o = options();
    o.kernel = filter.c_str();
    o.target = target.c_str();
    Context context = make_context(o);
    filter = target = "none of this";
    MixCall call;
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
}

TEST(Context, PrintGoesToTheLog) {
    std::vector<std::string> lines;
    attune_options o = options();
    o.log = [](void *user, const char *line) {
        static_cast<std::vector<std::string> *>(user)->push_back(line);
    };
    o.log_user = &lines;
    Context context = make_context(o);
    HookGuard hook([](int, void **args) {
        attune_print(*static_cast<void **>(args[0]), "from a kernel");
        return 0;
    });
    MixCall call;
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK);
    EXPECT_EQ(lines, std::vector<std::string>{"from a kernel"});
}

TEST(Status, EachHasAName) {
    const attune_status all[] = {
        ATTUNE_OK,        ATTUNE_NULL_ARGUMENT, ATTUNE_BAD_RANK,      ATTUNE_BAD_EXTENT,
        ATTUNE_BAD_DTYPE, ATTUNE_BAD_LAYOUT,    ATTUNE_BAD_OVERLAP,   ATTUNE_BAD_DEVICE,
        ATTUNE_BAD_VALUE, ATTUNE_UNKNOWN_NAME,  ATTUNE_BAD_VERSION,   ATTUNE_NO_KERNEL,
        ATTUNE_BAD_PACK,  ATTUNE_OUT_OF_MEMORY, ATTUNE_DEVICE_FAILED, ATTUNE_UNSUPPORTED_TARGET,
        ATTUNE_INTERNAL};
    std::vector<std::string> names;
    for (attune_status status : all) {
        const std::string name = attune_status_name(status);
        EXPECT_EQ(std::count(names.begin(), names.end(), name), 0) << name;
        EXPECT_NE(name, "unknown status");
        names.push_back(name);
    }
    EXPECT_STREQ(attune_status_name(ATTUNE_BAD_EXTENT), "bad extent");
    EXPECT_STREQ(attune_status_name(attune_status(500)), "unknown status");
}

TEST(Version, Matches) {
    EXPECT_EQ(attune_abi_version(), ATTUNE_ABI_VERSION);
    EXPECT_STREQ(attune_version(), ATTUNE_VERSION);
}
