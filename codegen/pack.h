// A kernel pack: what it holds, and the files it is made of.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace attune {

struct PackRequest {
    std::string out, name;
    std::vector<std::string> variants, targets;  // empty: all variants; "host"
    std::vector<std::string> dtypes = {"f32"};
    std::vector<int> head_dims = {32, 64, 128};
    std::string features;   // Halide target features added to every target: "asan"
    std::string schedule;   // overrides of the recorded numbers: "query_tile=32"
    int jobs = 0;           // 0: one a core
    std::string cache;      // folder of compiled kernels; empty: none
    std::string include;    // folder of attune.h and attune_pack.h
    std::string libattune;  // shared library that the pack's names as needed; empty: none
    std::string compiler;   // of C, also links; empty: $CC or cc
};

struct PackReport {
    int kernels = 0, cached = 0;
    double seconds = 0;
    size_t bytes = 0, largest_object = 0;  // of kernels
    std::string largest_kernel;
};

// done of total objects are made; `what` is the last one. Called from any thread, one at a time.
using PackProgress = std::function<void(int done, int total, const std::string &what)>;

// Writes libNAME.a, libNAME.so, NAME.h, NAME.json, NAMEConfig.cmake and NAME.pc to request.out.
// Throws std::invalid_argument for a wrong request (what() names the argument and the value),
// std::runtime_error when the machine fails. Files of an earlier pack stay until all is made.
PackReport generate_pack(const PackRequest &request, const PackProgress &progress);

// Names of all variants that this program can generate.
std::vector<std::string> variant_names();

// libattune's copy of Halide's runtime, its symbols renamed halide_ -> attune_.
void generate_runtime(const std::string &path, const std::string &target);

}  // namespace attune
