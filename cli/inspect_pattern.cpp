#include "inspect_pattern.h"

#include "attribute.h"
#include "fault.h"
#include "pattern_svg.h"
#include "progress.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

namespace tool {
namespace {

using nlohmann::json;

// "B=1 L=64 H=2 D=16, M=8 causal=1": what decides the call.
std::string size_text(const attune_variant &variant, const Shape &shape) {
    std::string text;
    for (int i = 0; i < variant.extents; i++) {
        const bool derived = variant.derived && variant.derived[i].terms > 0;
        if (derived || shape.extents[size_t(i)] < 0) continue;
        text += (text.empty() ? "" : " ") + std::string(variant.extent[i]) + "=" +
                std::to_string(shape.extents[size_t(i)]);
    }
    const char *before = ", ";
    for (int i = 0; i < variant.attributes; i++) {
        const attune_attribute &attribute = variant.attribute[i];
        const double value = shape.attributes[size_t(i)];
        if (std::isnan(value)) continue;
        text += before + std::string(attribute.name) + "=" + attribute_text(attribute, value);
        before = " ";
    }
    return text;
}

void write(const std::string &path, const std::string &text) {
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file) throw Fault(MACHINE_FAILED, "--pattern " + path + ": cannot be written");
}

void print_json(const Pattern &pattern, const std::string &variant, const Shape &shape,
                const std::string &file) {
    json rows = json::array();
    for (int64_t i = 0; i < pattern.rows; i++) {
        const auto first = pattern.influence.begin() + i * pattern.tokens;
        rows.push_back(std::vector<double>(first, first + pattern.tokens));
    }
    json report = {{"shape", shape.name},     {"variant", variant},        {"file", file},
                   {"tokens_of", pattern.of}, {"rows_of", pattern.output}, {"influence", rows}};
    std::printf("%s\n", report.dump().c_str());
}

void print_line(const Pattern &pattern, const std::string &file) {
    const auto seen = std::count_if(pattern.influence.begin(), pattern.influence.end(),
                                    [](double influence) { return influence > 0; });
    std::printf("%s: %lld rows of %s by %lld tokens of %s, %.1f %% of the pairs seen\n",
                file.c_str(), (long long)pattern.rows, pattern.output.c_str(),
                (long long)pattern.tokens, pattern.of.c_str(),
                100 * double(seen) / double(pattern.influence.size()));
}

}  // namespace

void inspect_pattern(const Context &context, const attune_pack *pack, const Shape &shape,
                     const std::string &of, const std::string &file, bool as_json) {
    const attune_variant &variant = pack->variant[shape.variant];
    Progress progress;
    const Pattern pattern = find_pattern(context.get(), pack, shape, of, [&](int64_t token) {
        progress.show("changing token " + std::to_string(token) + " ...");
    });
    progress.show("");
    write(file, pattern_svg(pattern, variant.name, size_text(variant, shape)));
    if (as_json)
        print_json(pattern, variant.name, shape, file);
    else
        print_line(pattern, file);
}

}  // namespace tool
