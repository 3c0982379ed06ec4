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

bool met(const attune_condition &condition, const attune_variant &variant, const Case &call) {
    if (condition.kind == ATTUNE_WHEN_ABSENT)
        return !call.has(variant.tensor[condition.index].name);
    if (condition.kind == ATTUNE_WHEN_GIVEN) return call.has(variant.tensor[condition.index].name);
    double value = 0;
    if (condition.kind == ATTUNE_WHEN_EXTENT) {
        value = static_cast<double>(
            extents_of(variant, call)[static_cast<std::size_t>(condition.index)]);
    } else {  // the kernels are made for what attributes are when they are not given
        const auto given = call.attributes.find(variant.attribute[condition.index].name);
        if (given == call.attributes.end()) return true;
        if (!std::holds_alternative<double>(given->second)) return true;
        value = std::get<double>(given->second);
    }
    return condition.low <= value && value <= condition.high;
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

std::vector<Dtype> dtypes(const std::string &op, const std::vector<std::string> &targets) {
    std::vector<Dtype> all;
    for (const Dtype dtype : {Dtype::f32, Dtype::f16, Dtype::bf16})
        if (std::any_of(targets.begin(), targets.end(), [&](const std::string &target) {
                return has_kernel(test_pack(), op, target, dtype);
            }))
            all.push_back(dtype);
    return all;
}

bool is_admitted(const attune_pack *pack, const std::string &target, const Case &call) {
    const int variant = variant_of(pack, call.op);
    return std::any_of(pack->kernel, pack->kernel + pack->kernels, [&](const attune_kernel &k) {
        return k.variant == variant && target == k.target &&
               std::all_of(k.condition, k.condition + k.conditions, [&](const attune_condition &c) {
                   return met(c, pack->variant[variant], call);
               });
    });
}

attune_status expected_status(const attune_pack *pack, const std::string &target,
                              const Case &call) {
    const attune_variant &variant = pack->variant[variant_of(pack, call.op)];
    const attune_tensor *const first =
        std::find_if(variant.tensor, variant.tensor + variant.tensors,
                     [](const attune_tensor &t) { return t.output != 0; });
    if (call.tensors.at(first->name).elements() == 0)
        return ATTUNE_OK;  // nothing to do, whatever it is
    const bool cpu = target != "opencl" && target != "cuda";
    return cpu || is_admitted(pack, target, call) ? ATTUNE_OK : ATTUNE_NO_KERNEL;
}

}  // namespace attune::tests
