#include "disassembly.h"

#include "fault.h"
#include "program.h"

#include <algorithm>
#include <regex>
#include <sstream>

namespace tool {
namespace {

std::string objdump(const std::vector<std::string> &arguments) {
    std::vector<std::string> command = {"objdump"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    Output output = output_of(command);
    if (output.status == 127)
        throw Fault(PACK_CANNOT, "objdump is not installed (package binutils): no code analysis");
    if (output.status != 0) throw Fault(MACHINE_FAILED, "objdump: " + output.text);
    return output.text;
}

std::string hex(uint64_t value) {
    std::ostringstream text;
    text << "0x" << std::hex << value;
    return text.str();
}

// "ADDRESS flags SECTION\tSIZE [.hidden] NAME" for functions.
std::vector<Symbol> functions_of(const std::string &library) {
    std::vector<Symbol> symbols;
    std::istringstream lines(objdump({"-t", library}));
    for (std::string line; std::getline(lines, line);) {
        size_t tab = line.find('\t'), name = line.rfind(' ');
        bool code = tab != std::string::npos && line.find(" F ") < tab;
        if (!code || name == std::string::npos || name < tab) continue;
        symbols.push_back({line.substr(name + 1), std::stoull(line, nullptr, 16),
                           std::stoull(line.substr(tab + 1), nullptr, 16)});
    }
    return symbols;
}

bool contains(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
}

std::vector<Instruction> disassemble(const std::string &library, const Symbol &symbol) {
    std::vector<Instruction> code;
    std::istringstream lines(
        objdump({"-d", "--no-show-raw-insn", "--start-address=" + hex(symbol.address),
                 "--stop-address=" + hex(symbol.address + symbol.size), library}));
    for (std::string line; std::getline(lines, line);) {
        size_t colon = line.find(":\t");
        if (colon == std::string::npos || line[0] != ' ') continue;
        std::string text = line.substr(colon + 2);
        text = text.substr(0, text.find('#'));
        text.erase(text.find_last_not_of(" \t") + 1);
        code.push_back({std::stoull(line.substr(0, colon), nullptr, 16), text});
    }
    return code;
}

// Index of the instruction that a jump goes back to; its own index if it is no backward jump.
size_t jump_back(const std::vector<Instruction> &code, size_t at) {
    static const std::regex jump(R"(^(?:j\w+|b(?:\.\w+)?|cbn?z|tbn?z)\s+(?:.*,\s*)?([0-9a-f]+) <)");
    std::smatch match;
    if (!std::regex_search(code[at].text, match, jump)) return at;
    uint64_t target = std::stoull(match[1], nullptr, 16);
    auto found = std::lower_bound(
        code.begin(), code.begin() + long(at), target,
        [](const Instruction &one, uint64_t address) { return one.address < address; });
    return found != code.end() && found->address == target ? size_t(found - code.begin()) : at;
}

// LLVM addresses an aligned frame by %rbx where the stack pointer moves.
bool frame_by_rbx(const std::vector<Instruction> &code) {
    static const std::regex base(R"(^mov\s+%rsp,%rbx$)");
    return std::any_of(code.begin(), code.end(),
                       [](const Instruction &one) { return std::regex_search(one.text, base); });
}

void count(Loop &loop, bool by_rbx) {
    static const std::regex multiply_add(R"(^(?:vfn?m(?:add|sub)\w*ps|vdpbf16ps|mulps|fmla)\b)");
    static const std::regex pointers(R"(\(%r[sb]p.*%[xyz]mm|%[xyz]mm.*\(%r[sb]p)");
    static const std::regex pointers_or_rbx(
        R"(\(%r(?:[sb]p|bx).*%[xyz]mm|%[xyz]mm.*\(%r(?:[sb]p|bx))");
    const std::regex &vector_stack = by_rbx ? pointers_or_rbx : pointers;
    for (const Instruction &one : loop.body) {
        loop.multiply_adds += std::regex_search(one.text, multiply_add);
        if (!std::regex_search(one.text, vector_stack)) continue;
        // The destination is the last operand.
        (one.text.back() == ')' ? loop.stack_stores : loop.stack_loads)++;
    }
}

void add_loops(const Symbol &symbol, const std::vector<Instruction> &code,
               std::vector<Loop> &loops) {
    const bool by_rbx = frame_by_rbx(code);
    size_t last_start = 0;  // of the loops so far: one that starts before holds another
    bool any = false;
    for (size_t end = 0; end < code.size(); end++) {
        size_t start = jump_back(code, end);
        bool outer = start == end || (any && start <= last_start);
        if (outer) continue;
        Loop loop = {symbol.name, {code.begin() + long(start), code.begin() + long(end) + 1}};
        count(loop, by_rbx);
        loops.push_back(loop);
        last_start = start;
        any = true;
    }
}

}  // namespace

std::vector<Symbol> kernel_symbols(const std::string &library, const std::string &kernel,
                                   const std::vector<std::string> &kernels) {
    std::vector<Symbol> result;
    for (const Symbol &symbol : functions_of(library)) {
        bool other = std::any_of(kernels.begin(), kernels.end(), [&](const std::string &name) {
            return name.size() > kernel.size() && contains(symbol.name, name);
        });
        if (contains(symbol.name, kernel) && !other) result.push_back(symbol);
    }
    return result;
}

// Where the work is done: the loops of the matrix products are short, that of the merge is long.
static double density(const Loop &loop) {
    return double(loop.multiply_adds) / double(std::max<size_t>(loop.body.size(), 1));
}

std::vector<Loop> inner_loops(const std::string &library, const std::vector<Symbol> &symbols) {
    std::vector<Loop> loops;
    for (const Symbol &symbol : symbols) add_loops(symbol, disassemble(library, symbol), loops);
    std::stable_sort(loops.begin(), loops.end(),
                     [](const Loop &a, const Loop &b) { return density(a) > density(b); });
    return loops;
}

}  // namespace tool
