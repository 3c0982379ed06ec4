#include "short_source.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "cl_source.h"

namespace attune {

using namespace Halide::Internal;
using Halide::Buffer;
using Halide::Expr;
using Halide::Module;

namespace {

const char kSource[] = "opencl_gpu_source_kernels";

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
    text = short_opencl(text);
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
