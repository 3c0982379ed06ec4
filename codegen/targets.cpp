#include "targets.h"

#include <algorithm>
#include <stdexcept>

#include "elf.h"

namespace attune {

using Halide::Target;

namespace {

struct Class {
    const char *name, *halide;
    int lanes;
};
const char kAvx2[] = "x86-64-linux-sse41-avx-f16c-fma-avx2";
const Class kClasses[] = {
    {"x86-64", "x86-64-linux", 4},
    {"avx2", kAvx2, 8},
    {"avx512", "x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake", 16},
    {"avx512_bf16", "x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake-avx512_zen4", 16},
    {"avx512_amx",
     "x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake-avx512_cannonlake-"
     "avx512_sapphirerapids",
     16},
    {"aarch64", "arm-64-linux", 4},
    {"opencl", "x86-64-linux-sse41-opencl", 0},
    {"cuda", "x86-64-linux-sse41-cuda-cuda_capability_80", 0},
};

const Class *class_named(const std::string &name) {
    for (const Class &c : kClasses)
        if (name == c.name) return &c;
    return nullptr;
}

const char *class_of(const Target &t) {
    if (t.has_feature(Target::OpenCL)) return "opencl";
    if (t.has_feature(Target::CUDA)) return "cuda";
    if (t.arch == Target::ARM) return "aarch64";
    if (t.has_feature(Target::AVX512_SapphireRapids)) return "avx512_amx";
    if (t.has_feature(Target::AVX512_Zen4)) return "avx512_bf16";
    if (t.has_feature(Target::AVX512_Skylake)) return "avx512";
    if (t.has_feature(Target::AVX2) && t.has_feature(Target::FMA)) return "avx2";
    return "x86-64";
}

std::string classes() {
    std::string out = "host";
    for (const Class &c : kClasses) out += std::string(", ") + c.name;
    return out;
}

}  // namespace

bool bf16_products(const std::string &name) {
    return name == "avx512_bf16" || name == "avx512_amx";
}

std::vector<std::string> host_classes() {
    const std::string name = class_of(Halide::get_host_target());
    // Tiles have to be asked for, as they have run on no machine.
    if (bf16_products(name)) return {"avx512", "avx512_bf16"};
    return {name};
}

TargetClass target_class(const std::string &name, const std::string &features) {
    const Class *known = class_named(name == "host" ? host_classes().front() : name);
    std::string text = known ? known->halide : name;
    if (!Target::validate_target_string(text))
        throw std::invalid_argument("unknown target '" + name + "': neither a Halide target nor " +
                                    classes());
    if (!features.empty()) {
        text += "-" + features;
        std::replace(text.begin(), text.end(), ',', '-');
        if (!Target::validate_target_string(text))
            throw std::invalid_argument("unknown Halide features '" + features + "'");
    }
    Target t(text);
    const Class *c = known ? known : class_named(class_of(t));
    // Arguments are checked by libattune, once, with messages of its own.
    for (auto f :
         {Target::UserContext, Target::NoRuntime, Target::NoAsserts, Target::NoBoundsQuery})
        t.set_feature(f);
    return {c->name, t, c->lanes};
}

void write_runtime_object(const std::string &path, const std::string &target) {
    if (!Target::validate_target_string(target))
        throw std::invalid_argument("unknown target '" + target + "'");
    Halide::compile_standalone_runtime(path, Target(target));
    rename_runtime_symbols(path);
}

}  // namespace attune
