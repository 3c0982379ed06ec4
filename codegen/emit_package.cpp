// What others read of a pack: its manifest, and files for CMake and pkg-config.
#include <nlohmann/json.hpp>

#include "emit.h"

namespace attune {

std::string emit_manifest(const PackPlan &plan) {
    nlohmann::ordered_json root = {{"name", plan.name}, {"attune", ATTUNE_VERSION}};
    for (const Variant *v : plan.variants) root["variants"].push_back(v->name);
    for (const Kernel &k : plan.kernels)
        root["kernels"].push_back({{"name", k.name()},
                                   {"variant", k.variant->name},
                                   {"special", k.special.name},
                                   {"head_dim", k.head_dim},
                                   {"target", k.target.name},
                                   {"halide_target", k.target.target.to_string()},
                                   {"dtype", k.dtype},
                                   {"schedule", k.params.text()}});
    return root.dump(1) + "\n";
}

std::string emit_cmake(const PackPlan &plan) {
    const std::string &n = plan.name;
    std::string out = "# find_package(" + n + "): " + n + "::" + n + " and " + n + "::" + n +
                      "_static (archives, with libattune shared or static), " + n + "::" + n +
                      "_shared.\ninclude(CMakeFindDependencyMacro)\nfind_dependency(attune)\n";
    for (std::string kind : {"", "_static", "_shared"}) {
        bool shared = kind == "_shared";
        std::string target = n + "::" + n + kind;
        std::string file = "${CMAKE_CURRENT_LIST_DIR}/lib" + n + (shared ? ".so" : ".a");
        std::string runtime = kind == "_static" ? "attune::attune_static" : "attune::attune";
        out += "if(NOT TARGET " + target + ")\n  add_library(" + target +
               (shared ? " SHARED" : " STATIC") + " IMPORTED)\n  set_target_properties(" + target +
               " PROPERTIES\n    IMPORTED_LOCATION \"" + file +
               "\"\n    INTERFACE_INCLUDE_DIRECTORIES \"${CMAKE_CURRENT_LIST_DIR}\"\n"
               "    INTERFACE_LINK_LIBRARIES \"" +
               runtime + ";m\")\nendif()\n";
    }
    return out;
}

std::string emit_pkgconfig(const PackPlan &plan) {
    return "prefix=${pcfiledir}\nName: " + plan.name +
           "\nDescription: Attune kernel pack\nVersion: " ATTUNE_VERSION
           "\nRequires: attune\nCflags: -I${prefix}\nLibs: -L${prefix} -l" +
           plan.name + "\nLibs.private: -lm\n";
}

}  // namespace attune
