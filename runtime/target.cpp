#include "target.h"

#include <string.h>

#include "attune_pack.h"
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace attune {

struct NamedTarget {
    const char *name;
    Target target;
    const char *feature[3];  // of Halide target strings that mean it
};

/* The most demanding first, so that the first feature found in a target string decides. */
static const NamedTarget targets[] = {
    {"cuda", {Target::CUDA, 0}, {"cuda", nullptr, nullptr}},
    {"opencl", {Target::OPENCL, 0}, {"opencl", nullptr, nullptr}},
    {"avx512_amx", {Target::X86, 4}, {"avx512_sapphirerapids", nullptr, nullptr}},
    {"avx512_bf16", {Target::X86, 3}, {"avx512_zen4", "avx512_zen5", nullptr}},
    {"avx512", {Target::X86, 2}, {"avx512_skylake", "avx512_cannonlake", "avx512"}},
    {"avx2", {Target::X86, 1}, {"avx2", nullptr, nullptr}},
    {"x86-64", {Target::X86, 0}, {"x86-64", nullptr, nullptr}},
    {"aarch64", {Target::ARM, 0}, {"arm-64", nullptr, nullptr}},
};

bool parse_target(const char *name, Target *target) {
    for (const NamedTarget &t : targets) {
        if (strcmp(name, t.name) == 0) return *target = t.target, true;
    }
    if (!strstr(name, "x86-64-") && !strstr(name, "arm-64-")) return false;
    for (const NamedTarget &t : targets) {
        for (const char *feature : t.feature) {
            if (feature && strstr(name, feature)) return *target = t.target, true;
        }
    }
    return false;
}

const char *target_name(Target target) {
    for (const NamedTarget &t : targets) {
        if (t.target.family == target.family && t.target.level == target.level) return t.name;
    }
    return "?";
}

int target_device(Target target) {
    if (target.family == Target::OPENCL) return ATTUNE_OPENCL;
    return target.family == Target::CUDA ? ATTUNE_CUDA : ATTUNE_CPU;
}

#if defined(__x86_64__)

/* Registers that the operating system saves: bits of XCR0. */
static bool os_saves(unsigned mask) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & mask) == mask;
}

static bool all(unsigned value, unsigned mask) { return (value & mask) == mask; }

/* From 5.16 on: ARCH_REQ_XCOMP_PERM for XTILEDATA (Documentation/arch/x86/xstate.rst). Only for a
   call that would use them: the answer holds for the whole process, whose alternate signal stacks
   have to be larger from then on. Asking again changes nothing. */
bool granted(Target target) {
    constexpr int kRequest = 0x1023, kTileData = 18;
    if (target.family != Target::X86 || target.level < 4) return true;
    static int answer = -1;
    int known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
    if (known < 0) {
        known = syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
        __atomic_store_n(&answer, known, __ATOMIC_RELAXED);
    }
    return known != 0;
}

static int x86_level() {
    constexpr unsigned kYmm = 0x6, kZmm = 0xe6, kTiles = 0x60000;
    constexpr unsigned kFma = 1u << 12, kAvx = 1u << 28, kF16c = 1u << 29;  // 1: ecx
    constexpr unsigned kAvx2 = 1u << 5;                                     // 7: ebx
    constexpr unsigned kSkylake = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
    constexpr unsigned kIfma = 1u << 21;
    constexpr unsigned kVbmi = 1u << 1, kVbmi2 = 1u << 6, kVnni = 1u << 11;  // 7: ecx
    constexpr unsigned kBitalg = 1u << 12, kPopcnt = 1u << 14;
    // AMX's tiles, bf16 and int8 products; AVX512-FP16: all that LLVM takes for granted. 7: edx
    constexpr unsigned kAmx = 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25;
    constexpr unsigned kVnniAvx = 1u << 4, kBf16 = 1u << 5;  // 7, 1: eax
    unsigned a, b, c, d, b7, c7, d7, a71;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !all(c, kFma | kAvx | kF16c)) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) return 0;
    if (!all(b7, kAvx2) || !os_saves(kYmm)) return 0;
    if (!all(b7, kSkylake) || !os_saves(kZmm)) return 1;
    // Halide's feature sets with bf16 (Zen 4, Sapphire Rapids) include these as well.
    if (!all(b7, kIfma) || !all(c7, kVbmi | kVbmi2 | kVnni | kBitalg | kPopcnt)) return 2;
    if (!__get_cpuid_count(7, 1, &a71, &b, &c, &d)) return 2;
    if (!all(a71, kBf16)) return 2;
    return all(d7, kAmx) && all(a71, kVnniAvx) && os_saves(kTiles) ? 4 : 3;
}

Target host_target() { return {Target::X86, x86_level()}; }

#else

Target host_target() { return {Target::ARM, 0}; }

bool granted(Target) { return true; }

#endif

}  // namespace attune
