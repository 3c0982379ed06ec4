#include "cache.h"

#include <unistd.h>
#include <xxhash.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "Halide.h"

namespace attune {

namespace fs = std::filesystem;

extern const char *const kKernelSources;  // hash, made by the build

namespace {

std::string hash(const void *data, size_t size) {
    XXH128_hash_t h = XXH3_128bits(data, size);
    char text[40];
    std::snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)h.high64,
                  (unsigned long long)h.low64);
    return text;
}

std::string hash_of_program() {
    std::ifstream in("/proc/self/exe", std::ios::binary);
    std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
    return hash(bytes.data(), bytes.size());
}

// Whole or not at all, also when two generators run at once or the disk is full.
bool copy_whole(const fs::path &from, const fs::path &to) {
    static std::atomic<int> number{0};
    fs::path part = to;
    part += ".part" + std::to_string(getpid()) + "-" + std::to_string(number++);
    std::error_code failed;
    fs::copy_file(from, part, fs::copy_options::overwrite_existing, failed);
    if (!failed) fs::rename(part, to, failed);
    if (failed) {
        std::error_code ignored;
        fs::remove(part, ignored);
    }
    return !failed;
}

}  // namespace

Cache::Cache(std::string where) : folder(std::move(where)) {
    if (folder.empty()) return;
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed)
        folder.clear();
    else
        program = hash_of_program();
}

std::string Cache::origin(bool stock) const {
    return std::string(stock ? kKernelSources : program.c_str()) + "-" +
           std::to_string(HALIDE_VERSION_MAJOR) + "." + std::to_string(HALIDE_VERSION_MINOR) + "." +
           std::to_string(HALIDE_VERSION_PATCH);
}

std::string Cache::file(const std::string &key) const {
    return folder + "/" + hash(key.data(), key.size()) + ".o";
}

bool Cache::fetch(const std::string &key, const std::string &path) const {
    return !folder.empty() && fs::exists(file(key)) && copy_whole(file(key), path);
}

void Cache::keep(const std::string &key, const std::string &path) const {
    if (!folder.empty()) copy_whole(path, file(key));
}

}  // namespace attune
