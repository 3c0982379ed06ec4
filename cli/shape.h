// Sizes of a call without data: a named shape of the pack, or one put together from options.
#ifndef ATTUNE_CLI_SHAPE_H
#define ATTUNE_CLI_SHAPE_H

#include "facts.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tool {

struct Shape {
    std::string name;
    int variant = 0;
    std::string order;                // of rank-4 storage tensors in memory, e.g. "0213"
    attune_dtype dtype = ATTUNE_F32;  // of storage
    std::vector<int64_t> extents;     // -1: none of the given tensors has it
    std::vector<double> attributes;   // NaN: not given
    uint32_t present = 0;             // bit t: optional tensor t is given
};

// The call that the shape stands for.
Facts facts_of(const attune_variant &variant, const Shape &shape);

std::vector<Shape> named_shapes(const attune_pack *pack);
// Throws Fault(CALL_WRONG) if no variant has it.
Shape shape_named(const attune_pack *pack, const std::string &name);

struct CustomShape {
    std::string variant;
    std::vector<std::string> sizes;       // "b=1", "lq=1000"
    std::vector<std::string> attributes;  // "causal=1"
    std::vector<std::string> tensors;     // optional tensors to give
    std::string order = "0123";
    std::string dtype = "f32";
};

// Keys of sizes are the variant's extent symbols in any case, or b, h (Hq or H), l (Lq and Lk, L or
// N), d. What is missing: hkv = h, dv = d, lk = lq, derived extents. Throws Fault(CALL_WRONG).
Shape custom_shape(const attune_pack *pack, const CustomShape &options);

}  // namespace tool
#endif
