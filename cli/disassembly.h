// Inner loops of a kernel's machine code, by binutils' objdump.
#ifndef ATTUNE_CLI_DISASSEMBLY_H
#define ATTUNE_CLI_DISASSEMBLY_H

#include <cstdint>
#include <string>
#include <vector>

namespace tool {

struct Symbol {
    std::string name;
    uint64_t address, size;
};

struct Instruction {
    uint64_t address;
    std::string text;  // AT&T syntax on x86
};

struct Loop {
    std::string symbol;
    std::vector<Instruction> body;
    int multiply_adds = 0;                  // FMAs and dot products; multiplies without FMA
    int stack_stores = 0, stack_loads = 0;  // vector registers to and from the stack frame
};

// Functions of a kernel: the symbol that contains its name and those that begin with that symbol
// (bodies of parallel loops), without those of the other, longer `kernels`. Throws Fault if
// objdump is missing or fails.
std::vector<Symbol> kernel_symbols(const std::string &library, const std::string &kernel,
                                   const std::vector<std::string> &kernels);

// Backward jumps without a backward jump inside, most multiply-adds an instruction first.
std::vector<Loop> inner_loops(const std::string &library, const std::vector<Symbol> &symbols);

}  // namespace tool
#endif
