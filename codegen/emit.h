// The text files of a pack.
#pragma once

#include <string>
#include <vector>

#include "kernel.h"

namespace attune {

struct PackPlan {
    std::string name;
    std::vector<const Variant *> variants;
    std::vector<Kernel> kernels;  // grouped by variant and target, most special first
    std::string symbol(const Kernel &k) const { return name + "_" + k.name(); }
    std::string cost_symbol(const Variant &v) const { return name + "_cost_" + v.name; }
};

std::string emit_header(const PackPlan &plan);     // NAME.h
std::string emit_tables(const PackPlan &plan);     // C source of the tables of attune_pack.h
std::string emit_manifest(const PackPlan &plan);   // NAME.json
std::string emit_cmake(const PackPlan &plan);      // NAMEConfig.cmake
std::string emit_pkgconfig(const PackPlan &plan);  // NAME.pc

}  // namespace attune
