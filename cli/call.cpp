#include "call.h"

#include "fault.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace tool {
namespace {

constexpr double NOT_GIVEN = std::numeric_limits<double>::quiet_NaN();

void write_attribute(char *args, const attune_attribute &attribute, double value) {
    if (attribute.type == ATTUNE_FLOAT) {
        float number = float(value);
        std::memcpy(args + attribute.offset, &number, sizeof number);
    } else {
        int32_t number = std::isnan(value) ? std::numeric_limits<int32_t>::min() : int32_t(value);
        std::memcpy(args + attribute.offset, &number, sizeof number);
    }
}

template <class Entry>
int find(const Entry *entries, int count, const std::string &name) {
    for (int i = 0; i < count; i++)
        if (name == entries[i].name) return i;
    return -1;
}

}  // namespace

Call::Call(const attune_pack *pack, int variant)
    : pack_(pack),
      index_(variant),
      attributes_(size_t(pack->variant[variant].attributes), NOT_GIVEN),
      views_(size_t(pack->variant[variant].tensors)) {
    size_t unit = sizeof(std::max_align_t);
    args_.resize((pack->variant[variant].args_size + unit - 1) / unit);
}

void Call::set_tensor(int tensor, Array array) {
    tensors_.erase(tensor);
    tensors_.emplace(tensor, std::move(array));
}

void Call::set_attribute(int attribute, double value) { attributes_[size_t(attribute)] = value; }

Facts Call::facts() const {
    Facts facts(variant());
    facts.attributes = attributes_;
    for (bool broadcast : {false, true})  // an extent of 1 that may broadcast tells nothing yet
        for (const auto &[index, array] : tensors_) {
            const attune_tensor &tensor = variant().tensor[index];
            facts.ranks[size_t(index)] = int(array.shape().size());
            int first = tensor.rank - int(array.shape().size());
            for (int dim = std::max(first, 0); dim < tensor.rank; dim++) {
                int symbol = tensor.extents[dim];
                int64_t extent = array.shape()[size_t(dim - first)];
                int64_t &known = facts.extents[size_t(symbol)];
                bool certain = !tensor.broadcast[dim] || extent != 1;
                bool derived = variant().derived && variant().derived[symbol].terms > 0;
                if (known < 0 && !derived && (certain || broadcast)) known = extent;
            }
        }
    facts.resolve(variant());
    return facts;
}

const void *Call::args() {
    char *args = reinterpret_cast<char *>(args_.data());
    std::memset(args, 0, args_.size() * sizeof(std::max_align_t));
    std::memcpy(args, &variant().args_size, sizeof(size_t));
    for (auto &[index, array] : tensors_) {
        DLTensor *view = &views_[size_t(index)];
        *view = array.view();
        std::memcpy(args + variant().tensor[index].offset, &view, sizeof view);
    }
    for (int i = 0; i < variant().attributes; i++)
        write_attribute(args, variant().attribute[i], attributes_[size_t(i)]);
    return args;
}

std::string symbols_text(const attune_variant &variant, const attune_tensor &tensor) {
    std::string text = "[";
    for (int dim = 0; dim < tensor.rank; dim++) {
        text += (dim ? ", " : "") + std::string(variant.extent[tensor.extents[dim]]);
        if (tensor.broadcast[dim]) text += " or 1";
    }
    text += tensor.leading ? "], or without the first" : "]";
    return tensor.leading > 1 ? text + " " + std::to_string(tensor.leading) : text;
}

int find_tensor(const attune_variant &variant, const std::string &name) {
    return find(variant.tensor, variant.tensors, name);
}

int find_attribute(const attune_variant &variant, const std::string &name) {
    return find(variant.attribute, variant.attributes, name);
}

int find_variant(const attune_pack *pack, const std::string &name) {
    return find(pack->variant, pack->variants, name);
}

int variant_named(const attune_pack *pack, const std::string &name) {
    int variant = find_variant(pack, name);
    if (variant >= 0) return variant;
    std::string known;
    for (int i = 0; i < pack->variants; i++)
        known += std::string(i ? ", " : "") + pack->variant[i].name;
    throw Fault(CALL_WRONG, "unknown op " + name + ": pack " + pack->name + " has " + known);
}

}  // namespace tool
