#include "pack_file.h"

#include "fault.h"

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

namespace tool {
namespace fs = std::filesystem;

std::string program_folder() {
    std::error_code error;
    fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (error) throw Fault(MACHINE_FAILED, "/proc/self/exe: " + error.message());
    return program.parent_path().string();
}

std::vector<std::string> default_packs() {
    if (const char *path = std::getenv("ATTUNE_PACK"); path && *path) return {path};
    fs::path here = program_folder();
    fs::path libraries = here / ".." / ATTUNE_LIBDIR;
    return {(here / "packs/attune_default/libattune_default.so").string(),
            (libraries / "attune_default/libattune_default.so").lexically_normal().string(),
            (libraries / "libattune_default.so").lexically_normal().string()};
}

std::string pack_path(const std::string &given) {
    if (!given.empty()) {
        if (!fs::exists(given)) throw Fault(CALL_WRONG, "--pack " + given + ": no such file");
        return given;
    }
    std::string tried;
    for (const std::string &path : default_packs()) {
        if (fs::exists(path)) return path;
        tried += (tried.empty() ? "" : ", ") + path;
    }
    throw Fault(PACK_CANNOT,
                "no kernel pack found (tried " + tried + "): give --pack FILE, or set ATTUNE_PACK");
}

const attune_pack *load_pack(const std::string &path) {
    const attune_pack *pack = nullptr;
    // A bare file name would be searched for in the system's library folders.
    std::string file = fs::absolute(path).string();
    check(attune_pack_load(file.c_str(), &pack), "cannot load the pack");
    return pack;
}

std::string sibling_program(const std::string &name) {
    fs::path here = program_folder();
    for (const fs::path &path : {here / name, here / "../libexec/attune" / name})
        if (access(path.c_str(), X_OK) == 0) return path.lexically_normal().string();
    return "";
}

}  // namespace tool
