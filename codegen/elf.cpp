#include "elf.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace attune {

namespace {

const char kOld[] = "halide_", kNew[] = "attune_";
static_assert(sizeof kOld == sizeof kNew, "names must keep their length");

template <typename T>
const T *at(const std::vector<char> &file, size_t offset, const std::string &path) {
    if (offset + sizeof(T) > file.size()) throw std::runtime_error(path + " is cut short");
    return reinterpret_cast<const T *>(file.data() + offset);
}

}  // namespace

void rename_runtime_symbols(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    std::vector<char> file((std::istreambuf_iterator<char>(in)), {});
    const auto *header = at<Elf64_Ehdr>(file, 0, path);
    if (std::memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_ident[EI_CLASS] != ELFCLASS64)
        throw std::runtime_error(path + " is not a 64-bit ELF object");
    for (int i = 0; i < header->e_shnum; i++) {
        size_t where = header->e_shoff + size_t(i) * header->e_shentsize;
        const auto *section = at<Elf64_Shdr>(file, where, path);
        if (section->sh_type != SHT_STRTAB || i == header->e_shstrndx) continue;
        // LLVM may keep symbols and section names in one table: only whole names are renamed.
        size_t end = section->sh_offset + section->sh_size;
        if (end > file.size()) throw std::runtime_error(path + " is cut short");
        for (size_t p = section->sh_offset + 1; p + sizeof kOld <= end; p++)
            if (file[p - 1] == 0 && !std::memcmp(&file[p], kOld, sizeof kOld - 1))
                std::memcpy(&file[p], kNew, sizeof kNew - 1);
    }
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(file.data(), std::streamsize(file.size()));
    if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace attune
