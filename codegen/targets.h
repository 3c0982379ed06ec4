// The machine classes that kernels are generated for.
#pragma once

#include <string>
#include <vector>

#include "Halide.h"

namespace attune {

struct TargetClass {
    std::string name;  // what libattune calls it: x86-64, avx2, avx512, avx512_bf16, opencl, ...
    Halide::Target target;
    int lanes;  // f32 in a vector register; 0 on a GPU
    bool gpu() const { return lanes == 0; }
};

// The classes with kernels for this machine, avx512_amx aside.
std::vector<std::string> host_classes();

// Whether a class adds products of bf16 to avx512 and has nothing else of its own.
bool bf16_products(const std::string &name);

// name: a class, "host" (the first of host_classes), or a full Halide target string, which
// counts as the class whose features it has. features: Halide features to add, separated by commas.
// Throws std::invalid_argument with the list of classes.
TargetClass target_class(const std::string &name, const std::string &features = "");

// What libattune's own copy of Halide's runtime is built for.
void write_runtime_object(const std::string &path, const std::string &target);

}  // namespace attune
