#include "mca.h"

#include "fault.h"
#include "program.h"

#include <fstream>
#include <regex>
#include <sstream>
#include <vector>

namespace tool {
namespace {

std::string cpuinfo(const std::string &key) {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.compare(0, key.size(), key) == 0 && line.find(':') + 2 < line.size())
            return line.substr(line.find(':') + 2);
    return "";
}

std::vector<std::string> amd_models() {
    int family = std::atoi(cpuinfo("cpu family").c_str());
    if (family >= 26) return {"znver5", "znver4", "znver3"};
    bool avx512 = cpuinfo("flags").find("avx512f") != std::string::npos;
    if (avx512) return {"znver4", "znver3"};
    return family == 25 ? std::vector<std::string>{"znver3", "znver2"}
                        : std::vector<std::string>{"znver2", "znver1"};
}

// Nearest first. The last ones are for code that the near ones lack instructions for.
std::vector<std::string> models() {
    std::vector<std::string> names;
    if (cpuinfo("vendor_id") == "AuthenticAMD") names = amd_models();
    for (const char *intel : {"sapphirerapids", "icelake-server", "skylake-avx512", "haswell"})
        names.push_back(intel);
#if defined(__aarch64__)
    names = {"neoverse-n1", "cortex-a57"};
#endif
    return names;
}

// Assembly that stands alone: jumps go to a label, since addresses mean nothing here.
std::string source_of(const Loop &loop) {
    static const std::regex target(R"([0-9a-f]+ <[^>]*>)");
    std::string text = "loop:\n";
    for (const Instruction &one : loop.body)
        text += std::regex_replace(one.text, target, "loop") + "\n";
    return text;
}

std::string section(const std::string &text, const std::string &from, const std::string &to) {
    size_t start = text.find(from), end = text.find(to, start);
    return start == std::string::npos ? "" : text.substr(start, end - start);
}

}  // namespace

Analysis analyse(const Loop &loop) {
    std::string last;
    for (const std::string &model : models()) {
        Output output =
            output_of({"llvm-mca", "-mcpu=" + model, "-instruction-info=false"}, source_of(loop));
        if (output.status == 127)
            throw Fault(PACK_CANNOT, "--asm: llvm-mca is not installed (package llvm)");
        static const std::regex throughput(R"(Block RThroughput:\s+([0-9.]+))");
        std::smatch match;
        bool known = output.text.find("not a recognized processor") == std::string::npos;
        if (output.status == 0 && known && std::regex_search(output.text, match, throughput))
            return {model, std::stod(match[1]),
                    section(output.text, "Resources:", "Resource pressure by instruction")};
        last = output.text.substr(0, output.text.find('\n'));
    }
    throw Fault(PACK_CANNOT, "--asm: llvm-mca has no model for this code: " + last);
}

}  // namespace tool
