#include "short_source.h"

#include <algorithm>
#include <cstring>
#include <regex>
#include <stdexcept>
#include <string>

namespace attune {

using namespace Halide::Internal;
using Halide::Buffer;
using Halide::Expr;
using Halide::Module;

namespace {

const char kSource[] = "opencl_gpu_source_kernels", kShared[] = "S";

std::string without_indentation(const std::string &source) {
    std::string out;
    bool start = true;
    for (char c : source) {
        if (start && c == ' ') continue;
        start = c == '\n';
        out += c;
    }
    return out;
}

void replace_all(std::string &text, const std::string &from, const std::string &to) {
    std::string out;
    size_t at = 0;
    for (size_t found; (found = text.find(from, at)) != std::string::npos; at = found + from.size())
        out += text.substr(at, found - at) + to;
    text = out + text.substr(at);
}

// Halide names shared memory after all the Funcs in it and casts it at every access. A macro for
// the cast of one name; a further name stays as it is.
std::string with_short_shared(std::string source) {
    std::smatch access;
    static const std::regex cast(R"(\(\(__local float \*\)(_allocgroup\w+)\))");
    if (!std::regex_search(source, access, cast)) return source;
    const std::string text = access.str();
    replace_all(source, text, kShared);
    // After the first line, by which OpenCL runtimes of Halide know a source.
    return source.insert(source.find('\n') + 1,
                         "#define " + std::string(kShared) + " " + text + "\n");
}

// The size of the source is a literal argument of the call that loads it.
class Resize : public IRMutator {
public:
    explicit Resize(int size) : size(size) {}

private:
    using IRMutator::visit;
    const int size;
    Expr visit(const Call *op) override {
        if (op->name != "halide_opencl_initialize_kernels") return IRMutator::visit(op);
        std::vector<Expr> args = op->args;
        args.back() = size;
        return Call::make(op->type, op->name, args, op->call_type);
    }
};

}  // namespace

Module with_short_source(const Module &module) {
    auto all = module.buffers();
    auto source = std::find_if(all.begin(), all.end(), [](auto &b) { return b.name() == kSource; });
    if (source == all.end()) return module;
    std::string text(reinterpret_cast<const char *>(source->data()), source->size_in_bytes());
    text = with_short_shared(without_indentation(text));
    Buffer<uint8_t> shorter(int(text.size()), kSource);
    std::memcpy(shorter.data(), text.data(), text.size());
    Module out(module.name(), module.target());
    for (const auto &b : all) out.append(b.name() == kSource ? Buffer<>(shorter) : b);
    for (auto f : module.functions()) {
        f.body = Resize(int(text.size())).mutate(f.body);
        out.append(f);
    }
    return out;
}

}  // namespace attune
