#include "call.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace attune::tests {
namespace {

DLDataType dl_type(Dtype dtype) {
    switch (dtype) {
        case Dtype::f16:
            return {kDLFloat, 16, 1};
        case Dtype::bf16:
            return {kDLBfloat, 16, 1};
        case Dtype::i32:
            return {kDLInt, 32, 1};
        case Dtype::u8:
            return {kDLUInt, 8, 1};
        case Dtype::f64:
            return {kDLFloat, 64, 1};
        default:
            return {kDLFloat, 32, 1};
    }
}

DLTensor describe(const Tensor &tensor) {
    DLTensor out{};
    out.data = tensor.data();
    out.device = {kDLCPU, 0};
    out.ndim = static_cast<int>(tensor.shape.size());
    out.dtype = dl_type(tensor.dtype);
    out.shape = const_cast<std::int64_t *>(tensor.shape.data());
    out.strides = const_cast<std::int64_t *>(tensor.strides.data());
    return out;
}

int choice(const attune_attribute &attribute, const std::string &word) {
    for (int i = 0; attribute.choices && attribute.choices[i]; ++i)
        if (word == attribute.choices[i]) return i;
    throw std::runtime_error(std::string(attribute.name) + " has no choice " + word);
}

}  // namespace

const attune_pack *load_pack(const std::string &path) {
    const attune_pack *pack = nullptr;
    if (attune_pack_load(path.c_str(), &pack) != ATTUNE_OK)
        throw std::runtime_error(attune_error_message());
    return pack;
}

const attune_pack *test_pack() {
    const char *const other = std::getenv("ATTUNE_TEST_PACK");
    static const attune_pack *const pack = load_pack(other ? other : ATTUNE_TEST_PACK);
    return pack;
}

attune_options options(const std::string &target, int threads) {
    attune_options options;
    attune_options_defaults(&options);
    options.target = target.c_str();  // of the caller: outlives the call that reads it
    options.threads = threads;
    return options;
}

Context make_context(const attune_options &options) {
    attune_context *context = nullptr;
    if (attune_context_create(&options, &context) != ATTUNE_OK)
        throw std::runtime_error(attune_error_message());
    return Context(context);
}

int variant_of(const attune_pack *pack, const std::string &op) {
    for (int v = 0; v < pack->variants; ++v)
        if (op == pack->variant[v].name) return v;
    throw std::runtime_error("the pack has no variant " + op);
}

const char *name_of(Dtype dtype) {
    const char *const names[] = {"f32", "f16", "bf16", "i32", "u8", "f64"};
    return names[static_cast<int>(dtype)];
}

bool has_kernel(const attune_pack *pack, const std::string &op, const std::string &target,
                Dtype dtype) {
    const int wanted = dtype == Dtype::f16    ? ATTUNE_F16
                       : dtype == Dtype::bf16 ? ATTUNE_BF16
                                              : ATTUNE_F32;
    return std::any_of(pack->kernel, pack->kernel + pack->kernels, [&](const attune_kernel &k) {
        return op == pack->variant[k.variant].name && target == k.target && k.dtype == wanted;
    });
}

std::vector<std::int64_t> extents_of(const attune_variant &variant, const Case &call) {
    std::vector<std::int64_t> extents(static_cast<std::size_t>(variant.extents), -1);
    std::vector<double> attributes(static_cast<std::size_t>(variant.attributes), NAN);
    std::vector<int> ranks(static_cast<std::size_t>(variant.tensors), -1);
    for (int i = 0; i < variant.attributes; ++i) {
        const auto given = call.attributes.find(variant.attribute[i].name);
        if (given != call.attributes.end() && std::holds_alternative<double>(given->second))
            attributes[static_cast<std::size_t>(i)] = std::get<double>(given->second);
    }
    for (int t = variant.tensors; t-- > 0;) {  // the first tensor of a symbol decides
        const attune_tensor &declared = variant.tensor[t];
        const auto given = call.tensors.find(declared.name);
        if (given == call.tensors.end()) continue;
        const auto &shape = given->second.shape;
        ranks[static_cast<std::size_t>(t)] = static_cast<int>(shape.size());
        const std::size_t missing = static_cast<std::size_t>(declared.rank) - shape.size();
        for (std::size_t d = 0; d < shape.size(); ++d)
            if (!declared.broadcast[d + missing])
                extents[static_cast<std::size_t>(declared.extents[d + missing])] = shape[d];
    }
    attune_resolve(&variant, extents.data(), attributes.data(), ranks.data());
    return extents;
}

Arguments::Arguments(const attune_variant &variant, const Case &call)
    : bytes_(variant.args_size), tensors_(static_cast<std::size_t>(variant.tensors)) {
    std::memcpy(bytes_.data(), &variant.args_size, sizeof variant.args_size);
    std::size_t used = 0;
    for (int t = 0; t < variant.tensors; ++t) {
        const auto given = call.tensors.find(variant.tensor[t].name);
        if (given == call.tensors.end()) continue;
        const DLTensor *const descriptor = &tensors_[static_cast<std::size_t>(t)];
        tensors_[static_cast<std::size_t>(t)] = describe(given->second);
        std::memcpy(&bytes_[variant.tensor[t].offset], &descriptor, sizeof descriptor);
        ++used;
    }
    if (used != call.tensors.size())
        throw std::runtime_error(call.op + " got a tensor that the pack does not know");
    set_attributes(variant, call);
}

void Arguments::set_attributes(const attune_variant &variant, const Case &call) {
    std::size_t used = 0;
    for (int a = 0; a < variant.attributes; ++a) {
        const attune_attribute &declared = variant.attribute[a];
        const auto given = call.attributes.find(declared.name);
        used += given != call.attributes.end();
        float real = std::numeric_limits<float>::quiet_NaN();
        std::int32_t integer = INT32_MIN;
        if (given != call.attributes.end()) {
            if (const auto *word = std::get_if<std::string>(&given->second))
                integer = choice(declared, *word);
            else if (declared.type == ATTUNE_FLOAT)
                real = static_cast<float>(std::get<double>(given->second));
            else
                integer = static_cast<std::int32_t>(std::get<double>(given->second));
        }
        std::byte *const to = &bytes_[declared.offset];
        if (declared.type == ATTUNE_FLOAT)
            std::memcpy(to, &real, sizeof real);
        else
            std::memcpy(to, &integer, sizeof integer);
    }
    if (used != call.attributes.size())
        throw std::runtime_error(call.op + " got an attribute that the pack does not know");
}

attune_status call(attune_context *context, const attune_pack *pack, const Case &call) {
    const int variant = variant_of(pack, call.op);
    const Arguments arguments(pack->variant[variant], call);
    return attune_call(context, pack, variant, arguments.data());
}

}  // namespace attune::tests
