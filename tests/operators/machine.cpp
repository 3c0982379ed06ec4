#include "machine.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

namespace attune::tests {
namespace {

bool wanted(const std::string &target) {
    const char *const list = std::getenv("ATTUNE_TEST_TARGETS");
    return !list || ("," + std::string(list) + ",").find("," + target + ",") != std::string::npos;
}

bool has_opencl() {
    void *const library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return false;
    using Platforms = int (*)(unsigned, void *, unsigned *);
    const auto platforms = reinterpret_cast<Platforms>(dlsym(library, "clGetPlatformIDs"));
    unsigned count = 0;
    const bool found = platforms && platforms(0, nullptr, &count) == 0 && count > 0;
    dlclose(library);
    return found;
}

std::vector<std::string> tiers() {
#if defined(__x86_64__)
    std::vector<std::string> all = {"x86-64"};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) all.push_back("avx2");
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        all.push_back("avx512");
    return all;
#else
    return {"aarch64"};
#endif
}

bool met(const attune_condition &condition, const std::vector<std::int64_t> &extents) {
    if (condition.kind != ATTUNE_WHEN_EXTENT) return true;
    const auto extent = static_cast<double>(extents[static_cast<std::size_t>(condition.index)]);
    return condition.low <= extent && extent <= condition.high;
}

}  // namespace

std::vector<std::string> cpu_targets() {
    std::vector<std::string> targets = tiers();
    const auto unwanted = [](const std::string &target) { return !wanted(target); };
    targets.erase(std::remove_if(targets.begin(), targets.end(), unwanted), targets.end());
    return targets;
}

std::vector<std::string> all_targets() {
    static const bool opencl = wanted("opencl") && has_opencl();
    std::vector<std::string> targets = cpu_targets();
    if (opencl) targets.push_back("opencl");
    return targets;
}

std::string not_in_release(const Case &call) {
    if (call.op != "dense") return "";
    for (const char *tensor : {"bias", "mask", "alibi", "sink", "q_offset"})
        if (call.has(tensor)) return tensor;
    return call.number("softcap", 0) > 0 ? "softcap" : "";
}

bool extents_fit(const attune_pack *pack, const std::string &target, const Case &call) {
    const int variant = variant_of(pack, call.op);
    const std::vector<std::int64_t> extents = extents_of(pack->variant[variant], call);
    return std::any_of(pack->kernel, pack->kernel + pack->kernels, [&](const attune_kernel &k) {
        return k.variant == variant && target == k.target &&
               std::all_of(k.condition, k.condition + k.conditions,
                           [&](const attune_condition &c) { return met(c, extents); });
    });
}

attune_status expected_status(const attune_pack *pack, const std::string &target,
                              const Case &call) {
    if (call.tensors.at("o").elements() == 0) return ATTUNE_OK;  // nothing to do, whatever it is
    if (!not_in_release(call).empty()) return ATTUNE_NO_KERNEL;
    const bool cpu = target != "opencl" && target != "cuda";
    return cpu || extents_fit(pack, target, call) ? ATTUNE_OK : ATTUNE_NO_KERNEL;
}

}  // namespace attune::tests
