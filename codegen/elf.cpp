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
    auto section = [&](size_t i) {
        return at<Elf64_Shdr>(file, header->e_shoff + i * header->e_shentsize, path);
    };
    for (int i = 0; i < header->e_shnum; i++) {
        const Elf64_Shdr *symbols = section(i);
        if (symbols->sh_type != SHT_SYMTAB) continue;
        size_t names = section(symbols->sh_link)->sh_offset;
        for (size_t s = 0; s < symbols->sh_size; s += sizeof(Elf64_Sym)) {
            size_t name = names + at<Elf64_Sym>(file, symbols->sh_offset + s, path)->st_name;
            if (name + sizeof kOld > file.size()) throw std::runtime_error(path + " is cut short");
            if (!std::memcmp(&file[name], kOld, sizeof kOld - 1))
                std::memcpy(&file[name], kNew, sizeof kNew - 1);
        }
    }
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(file.data(), std::streamsize(file.size()));
    if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace attune
