#include "shape.h"

#include "array.h"
#include "attribute.h"
#include "call.h"
#include "fault.h"

#include <algorithm>
#include <cmath>

namespace tool {
namespace {

[[noreturn]] void wrong(const std::string &line) { throw Fault(CALL_WRONG, line); }

Shape from_table(int variant_index, const attune_variant &variant, const attune_shape &entry) {
    Shape shape;
    shape.name = entry.name;
    shape.variant = variant_index;
    shape.order = entry.order ? entry.order : "";
    shape.dtype = attune_dtype(entry.dtype);
    shape.extents.assign(entry.extents, entry.extents + variant.extents);
    shape.attributes.assign(entry.attributes, entry.attributes + variant.attributes);
    shape.present = entry.present;
    shape.extents = facts_of(variant, shape).extents;
    return shape;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return char(std::tolower(c)); });
    return text;
}

int symbol_index(const attune_variant &variant, const std::string &name) {
    for (int i = 0; i < variant.extents; i++)
        if (lower(variant.extent[i]) == lower(name)) return i;
    return -1;
}

// Symbols that a key stands for: the one of that name, or those that the short name means.
std::vector<int> symbols_of(const attune_variant &variant, const std::string &key) {
    std::vector<std::string> names = {key};
    if (lower(key) == "h") names = {"h", "hq"};
    if (lower(key) == "l") names = {"l", "lq", "n"};
    for (const std::string &name : names) {
        int index = symbol_index(variant, name);
        if (index < 0) continue;
        int keys = symbol_index(variant, "lk");
        if (name == "lq" && lower(key) == "l" && keys >= 0) return {index, keys};
        return {index};
    }
    std::string known;
    for (int i = 0; i < variant.extents; i++) known += (i ? ", " : "") + lower(variant.extent[i]);
    wrong("--size " + key + ": " + variant.name + " has " + known);
}

std::pair<std::string, std::string> split(const std::string &option, const std::string &text) {
    size_t sign = text.find('=');
    if (sign == std::string::npos || sign == 0 || sign + 1 == text.size())
        wrong(option + " " + text + ": expected name=value");
    return {text.substr(0, sign), text.substr(sign + 1)};
}

int64_t extent_value(const std::string &key, const std::string &text) {
    bool digits =
        std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
    if (!digits || text.size() > 12) wrong("--size " + key + "=" + text + ": expected a number");
    return std::stoll(text);
}

void copy_missing(const attune_variant &variant, Shape &shape, const char *to, const char *from) {
    int target = symbol_index(variant, to), source = symbol_index(variant, from);
    if (target >= 0 && source >= 0 && shape.extents[size_t(target)] < 0)
        shape.extents[size_t(target)] = shape.extents[size_t(source)];
}

void set_sizes(const attune_variant &variant, const CustomShape &options, Shape &shape) {
    shape.extents.assign(size_t(variant.extents), -1);
    for (const std::string &size : options.sizes) {
        auto [key, text] = split("--size", size);
        for (int symbol : symbols_of(variant, key)) {
            if (variant.derived && variant.derived[symbol].terms > 0)
                wrong("--size " + key + ": it is " + variant.derived[symbol].text);
            shape.extents[size_t(symbol)] = extent_value(key, text);
        }
    }
    copy_missing(variant, shape, "hkv", "hq");
    copy_missing(variant, shape, "hkv", "h");
    copy_missing(variant, shape, "dv", "d");
    copy_missing(variant, shape, "lk", "lq");
}

void set_attributes(const attune_variant &variant, const CustomShape &options, Shape &shape) {
    shape.attributes.assign(size_t(variant.attributes), NAN);
    for (const std::string &text : options.attributes) {
        auto [name, value] = split("--attr", text);
        int index = find_attribute(variant, name);
        if (index < 0) wrong("unknown attribute " + name + " of " + variant.name);
        shape.attributes[size_t(index)] = attribute_from_text(variant.attribute[index], value);
    }
}

void set_tensors(const attune_variant &variant, const CustomShape &options, Shape &shape) {
    for (const std::string &name : options.tensors) {
        int index = find_tensor(variant, name);
        if (index < 0 || !variant.tensor[index].optional)
            wrong("--with " + name + ": not an optional tensor of " + variant.name);
        shape.present |= 1u << index;
    }
}

bool has(const attune_variant &variant, const Shape &shape, int tensor) {
    return !variant.tensor[tensor].optional || (shape.present >> tensor & 1);
}

void check_complete(const attune_variant &variant, const Shape &shape) {
    for (int i = 0; i < variant.tensors; i++) {
        const attune_tensor &tensor = variant.tensor[i];
        if (!has(variant, shape, i)) continue;
        for (int dim = 0; dim < tensor.rank; dim++)
            if (shape.extents[size_t(tensor.extents[dim])] < 0)
                wrong(std::string("--size: ") + lower(variant.extent[tensor.extents[dim]]) +
                      " of " + variant.name + " is missing");
    }
}

void check_order(const std::string &order) {
    std::string sorted = order;
    std::sort(sorted.begin(), sorted.end());
    // The innermost dimension has stride 1 in every call.
    if (sorted != "0123" || order[3] != '3')
        wrong("--order " + order + ": expected the digits 0, 1, 2 in any order, then 3");
}

}  // namespace

Facts facts_of(const attune_variant &variant, const Shape &shape) {
    Facts facts(variant);
    facts.extents = shape.extents;
    facts.attributes = shape.attributes;
    std::vector<int> given;
    for (int i = 0; i < variant.tensors; i++)
        if (has(variant, shape, i)) given.push_back(i);
    choose_ranks(variant, facts, given);
    facts.resolve(variant);
    return facts;
}

std::vector<Shape> named_shapes(const attune_pack *pack) {
    std::vector<Shape> shapes;
    for (int v = 0; v < pack->variants; v++)
        for (int i = 0; i < pack->variant[v].shapes; i++)
            shapes.push_back(from_table(v, pack->variant[v], pack->variant[v].shape[i]));
    return shapes;
}

Shape shape_named(const attune_pack *pack, const std::string &name) {
    std::string known;
    for (const Shape &shape : named_shapes(pack)) {
        if (shape.name == name) return shape;
        known += (known.empty() ? "" : ", ") + shape.name;
    }
    wrong("unknown shape " + name + ": pack " + pack->name + " has " + known);
}

Shape custom_shape(const attune_pack *pack, const CustomShape &options) {
    Shape shape;
    shape.variant = variant_named(pack, options.variant);
    const attune_variant &variant = pack->variant[shape.variant];
    check_order(options.order);
    shape.order = options.order;
    shape.dtype = storage_named(options.dtype);
    set_sizes(variant, options, shape);
    set_attributes(variant, options, shape);
    set_tensors(variant, options, shape);
    shape.extents = facts_of(variant, shape).extents;
    check_complete(variant, shape);
    shape.name = options.variant;
    for (const std::string &size : options.sizes) shape.name += "," + size;
    for (const std::string &attribute : options.attributes) shape.name += "," + attribute;
    return shape;
}

}  // namespace tool
