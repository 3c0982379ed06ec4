// attune-generate: makes a kernel pack. A pack with variants of its own links this main with them.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "pack.h"

namespace {

constexpr int kWrongCall = 2, kMachineFailed = 1;
const char kRuntimeTarget[] = "x86-64-linux-user_context-opencl";

void show_progress(int done, int total, const std::string &what) {
    const int width = 30, full = done * width / total;
    std::fprintf(stderr, "\r[%.*s%*s] %d/%d %-48.48s", full, "##############################",
                 width - full, "", done, total, what.c_str());
    if (done == total) std::fprintf(stderr, "\r%*s\r", 96, "");
}

// Beside this program in a build folder, or in ../ of an installed Attune.
std::string beside(std::initializer_list<const char *> paths) {
    std::error_code failed;
    auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
    for (const char *path : paths) {
        auto found = self.parent_path() / path;
        if (!failed && std::filesystem::exists(found)) return found.lexically_normal().string();
    }
    return "";
}

}  // namespace

int main(int argc, char **argv) {
    attune::PackRequest request;
    std::string runtime;
    bool list = false;
    CLI::App app(
        "Generates a kernel pack: lib NAME.a and .so, NAME.h, a manifest, and files for "
        "CMake and pkg-config.\n\n"
        "  attune generate --out packs --name mypack --variant dense --target avx2\n"
        "  attune generate --out packs --name all --target x86-64 --target avx2 "
        "--target avx512");
    app.add_option("--out", request.out, "folder of the pack")->type_name("DIR");
    app.add_option("--name", request.name, "its name, a C identifier")->type_name("NAME");
    app.add_option("--variant", request.variants, "variant, repeatable; all without it");
    app.add_option("--target", request.targets,
                   "host (default), x86-64, avx2, avx512, avx512_bf16, avx512_amx, aarch64, "
                   "opencl, cuda, or a full Halide "
                   "target; repeatable");
    app.add_option("--dtype", request.dtypes,
                   "storage type f32 (default), f16 or bf16, repeatable");
    app.add_option("--head-dim", request.head_dims,
                   "head size with kernels of its own, repeatable; default 32 64 128. Other sizes "
                   "run on the generic kernel");
    app.add_option("--schedule", request.schedule,
                   "numbers in place of the recorded ones: \"query_tile=32 key_chunk=256\"");
    app.add_option("--jobs", request.jobs, "kernels compiled at once; default: one a core");
    app.add_option("--cache", request.cache, "folder that keeps compiled kernels by content");
    app.add_option("--features", request.features, "Halide target features to add: asan");
    app.add_option("--include", request.include, "folder of attune.h");
    app.add_option("--libattune", request.libattune, "libattune.so that the pack needs");
    app.add_flag("--list", list, "names of the variants");
    app.add_option("--runtime", runtime, "writes libattune's copy of Halide's runtime instead")
        ->group("");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &e) {
        int status = app.exit(e);
        return status == 0 ? 0 : kWrongCall;
    }
    try {
        if (list) {
            for (const std::string &name : attune::variant_names()) std::puts(name.c_str());
            return 0;
        }
        if (!runtime.empty()) {
            attune::generate_runtime(runtime,
                                     request.targets.empty() ? kRuntimeTarget : request.targets[0]);
            return 0;
        }
        if (request.include.empty())
            request.include = beside({"include/attune", "../include/attune"});
        if (request.libattune.empty())
            request.libattune = beside({"libattune.so", "../lib/libattune.so"});
        bool terminal = isatty(2);
        auto report = attune::generate_pack(request, terminal ? show_progress : nullptr);
        std::printf(
            "%s: %d kernels (%d objects from the cache), %.1f s; objects %.2f MB, largest "
            "%zu kB (%s)\n",
            request.name.c_str(), report.kernels, report.cached, report.seconds,
            double(report.bytes) / 1e6, report.largest_object / 1000,
            report.largest_kernel.c_str());
    } catch (const std::invalid_argument &e) {
        std::fprintf(stderr, "attune generate: %s\n", e.what());
        return kWrongCall;
    } catch (const std::exception &e) {
        std::fprintf(stderr, "attune generate: %s\n", e.what());
        return kMachineFailed;
    }
    return 0;
}
