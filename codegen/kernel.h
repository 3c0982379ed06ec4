// One kernel: a variant, one of its specials, a head size, a machine class and a dtype.
#pragma once

#include <string>

#include "../generators/variant.h"
#include "../schedules/params.h"
#include "targets.h"

namespace attune {

struct Kernel {
    const Variant *variant;
    Special special;
    int head_dim;  // 0: at run time; GPU: the size that tiles are padded to
    TargetClass target;
    std::string dtype;  // "f32"
    Params params;

    Storage storage() const;
    std::string name() const;  // dense_f32_d64_band_avx512
};

struct Condition {
    enum Kind { Absent, Extent, Attribute, Given } kind;
    int index;  // of the tensor, extent or attribute in the variant
    double low, high;
};

// When libattune may choose the kernel.
std::vector<Condition> conditions(const Kernel &kernel);

// What LLVM is told, once, before anything is compiled and before other threads run.
void configure_llvm();

// Compiles to an object with function `symbol`. Throws std::runtime_error, Halide::Error.
void compile_kernel(const Kernel &kernel, const std::string &symbol, const std::string &path);

// The variant's cost: see attune_variant::cost.
void compile_cost(const Variant &variant, const TargetClass &target, const std::string &symbol,
                  const std::string &path);

// The algorithm with its schedule, for compile_kernel and for Halide's own generators.
Halide::Func scheduled(const Kernel &kernel, Build &build);

}  // namespace attune
