// attune list: what a pack holds.
#include "array.h"
#include "attribute.h"
#include "call.h"
#include "command.h"
#include "pack_file.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tool {
namespace {

using nlohmann::json;

// Values that differ, in order of appearance, of the variant's kernels.
template <class Get>
std::vector<std::string> kernels_with(const attune_pack *pack, int variant, Get get) {
    std::vector<std::string> values;
    for (int i = 0; i < pack->kernels; i++) {
        if (pack->kernel[i].variant != variant) continue;
        std::string value = get(pack->kernel[i]);
        if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
    }
    return values;
}

json tensor_json(const attune_variant &variant, const attune_tensor &tensor) {
    std::vector<std::string> shape;
    for (int dim = 0; dim < tensor.rank; dim++)
        shape.push_back(variant.extent[tensor.extents[dim]]);
    return {{"name", tensor.name},
            {"doc", tensor.doc},
            {"shape", shape},
            {"broadcast", std::vector<int>(tensor.broadcast, tensor.broadcast + tensor.rank)},
            {"leading_optional", tensor.leading != 0},
            {"dtype", dtype_name(tensor.dtype)},
            {"optional", tensor.optional != 0}};
}

json attribute_json(const attune_attribute &attribute) {
    json entry = {{"name", attribute.name},
                  {"doc", attribute.doc},
                  {"type", attribute_type_name(attribute.type)},
                  {"required", attribute.fallback.terms == 0},
                  {"default", fallback_text(attribute)}};
    if (attribute.fallback.terms == 0) entry["default"] = nullptr;
    if (std::isfinite(attribute.low)) entry["low"] = attribute.low;
    if (std::isfinite(attribute.high)) entry["high"] = attribute.high;
    for (int i = 0; attribute.choices && attribute.choices[i]; i++)
        entry["choices"].push_back(attribute.choices[i]);
    return entry;
}

json shape_json(const attune_variant &variant, const attune_shape &shape) {
    json extents = json::object();
    for (int i = 0; i < variant.extents; i++)
        if (shape.extents[i] >= 0) extents[variant.extent[i]] = shape.extents[i];
    json attributes = json::object();
    for (int i = 0; i < variant.attributes; i++)
        if (!std::isnan(shape.attributes[i]))
            attributes[variant.attribute[i].name] =
                attribute_text(variant.attribute[i], shape.attributes[i]);
    return {{"name", shape.name},
            {"dtype", dtype_name(shape.dtype)},
            {"order", shape.order},
            {"extents", extents},
            {"attributes", attributes}};
}

json kernel_json(const attune_kernel &kernel) {
    return {{"name", kernel.name},
            {"target", kernel.target},
            {"schedule", kernel.schedule},
            {"dtype", dtype_name(kernel.dtype)}};
}

json variant_json(const attune_pack *pack, int index, bool kernels) {
    const attune_variant &variant = pack->variant[index];
    json entry = {{"name", variant.name}, {"doc", variant.doc}, {"source", variant.source}};
    for (const char *list : {"attributes", "inputs", "outputs", "rules", "shapes"})
        entry[list] = json::array();
    entry["derived"] = json::object();
    for (int i = 0; variant.derived && i < variant.extents; i++)
        if (variant.derived[i].terms > 0)
            entry["derived"][variant.extent[i]] = variant.derived[i].text;
    for (int i = 0; i < variant.rules; i++) entry["rules"].push_back(variant.rule[i].text);
    for (int i = 0; i < variant.attributes; i++)
        entry["attributes"].push_back(attribute_json(variant.attribute[i]));
    for (int i = 0; i < variant.tensors; i++)
        entry[variant.tensor[i].output ? "outputs" : "inputs"].push_back(
            tensor_json(variant, variant.tensor[i]));
    for (int i = 0; i < variant.shapes; i++)
        entry["shapes"].push_back(shape_json(variant, variant.shape[i]));
    entry["dtypes"] = kernels_with(pack, index, [](auto &k) { return dtype_name(k.dtype); });
    entry["targets"] = kernels_with(pack, index, [](auto &k) { return k.target; });
    for (int i = 0; kernels && i < pack->kernels; i++)
        if (pack->kernel[i].variant == index)
            entry["kernels"].push_back(kernel_json(pack->kernel[i]));
    return entry;
}

std::string text(const json &value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string joined(const json &values) {
    std::string line;
    for (const json &value : values) line += (line.empty() ? "" : ", ") + text(value);
    return line;
}

void print_attribute(const json &entry) {
    std::string type = entry["type"];
    if (entry.contains("choices")) type += " " + joined(entry["choices"]);
    std::string value = entry["required"] ? "required" : "= " + text(entry["default"]);
    std::printf("    %-12s %s %s  %s\n", text(entry["name"]).c_str(), type.c_str(), value.c_str(),
                text(entry["doc"]).c_str());
}

void print_tensors(const char *title, const attune_variant &variant, int output) {
    std::printf("  %s\n", title);
    for (int i = 0; i < variant.tensors; i++) {
        const attune_tensor &tensor = variant.tensor[i];
        if (tensor.output != output) continue;
        std::string name = std::string(tensor.name) + (tensor.optional ? "?" : "");
        std::printf("    %-12s %s %s  %s\n", name.c_str(), dtype_name(tensor.dtype),
                    symbols_text(variant, tensor).c_str(), tensor.doc);
    }
}

void print_variant(const attune_variant &variant, const json &entry) {
    std::printf("%s: %s (%s)\n", variant.name, variant.doc, variant.source);
    print_tensors("inputs (? = optional)", variant, 0);
    std::printf("  attributes\n");
    for (const json &attribute : entry["attributes"]) print_attribute(attribute);
    print_tensors("outputs", variant, 1);
    if (!entry["derived"].empty()) std::printf("  derived extents\n");
    for (const auto &[symbol, formula] : entry["derived"].items())
        std::printf("    %s = %s\n", symbol.c_str(), text(formula).c_str());
    if (!entry["rules"].empty()) std::printf("  rules\n");
    for (const json &rule : entry["rules"]) std::printf("    %s\n", text(rule).c_str());
    std::printf("  dtypes   %s\n  targets  %s\n", joined(entry["dtypes"]).c_str(),
                joined(entry["targets"]).c_str());
    std::printf("  shapes\n");
    for (const json &shape : entry["shapes"])
        std::printf("    %s %s\n", text(shape["name"]).c_str(), shape["extents"].dump().c_str());
    if (entry.contains("kernels")) std::printf("  kernels\n");
    for (const json &kernel : entry.value("kernels", json::array()))
        std::printf("    %s  %s\n", text(kernel["name"]).c_str(), text(kernel["schedule"]).c_str());
}

struct Options {
    bool json = false, kernels = false;
    std::string pack;
};

void list(const Options &options) {
    const attune_pack *pack = load_pack(pack_path(options.pack));
    json variants = json::array();
    for (int i = 0; i < pack->variants; i++)
        variants.push_back(variant_json(pack, i, options.kernels));
    if (options.json) {
        json all = {{"pack", pack->name}, {"version", pack->version}, {"variants", variants}};
        std::printf("%s\n", all.dump(1).c_str());
        return;
    }
    std::printf("pack %s, version %s, %d kernels\n\n", pack->name, pack->version, pack->kernels);
    for (int i = 0; i < pack->variants; i++) print_variant(pack->variant[i], variants[size_t(i)]);
}

}  // namespace

void add_list(CLI::App &app) {
    auto options = std::make_shared<Options>();
    CLI::App *list_app = app.add_subcommand("list", "Variants, tensors and attributes of a pack");
    list_app->footer(
        "\nExamples:\n  attune list\n  attune list --json --kernels --pack libmine.so");
    list_app->add_flag("--json", options->json, "As JSON");
    list_app->add_flag("--kernels", options->kernels, "With every kernel");
    list_app->add_option("--pack", options->pack, "Kernel pack, libNAME.so")->type_name("FILE");
    list_app->callback([options] { list(*options); });
}

}  // namespace tool
