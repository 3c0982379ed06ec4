#include "kernel_choice.h"

#include <cstdio>
#include <cstring>

namespace tool {
namespace {

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", value);
    return text;
}

std::string range(const std::string &name, double low, double high) {
    if (low == high) return name + " = " + number(low);
    return number(low) + " <= " + name + " <= " + number(high);
}

Condition evaluate(const Call &call, const Facts &facts, const attune_condition &condition) {
    const attune_variant &variant = call.variant();
    if (condition.kind == ATTUNE_WHEN_ABSENT)
        return {std::string(variant.tensor[condition.index].name) + " absent",
                !call.given(condition.index)};
    if (condition.kind == ATTUNE_WHEN_GIVEN)
        return {std::string(variant.tensor[condition.index].name) + " given",
                call.given(condition.index)};
    bool extent = condition.kind == ATTUNE_WHEN_EXTENT;
    std::string name =
        extent ? variant.extent[condition.index] : variant.attribute[condition.index].name;
    size_t index = size_t(condition.index);
    double value = extent ? double(facts.extents[index]) : facts.attributes[index];
    return {range(name, condition.low, condition.high) + " (is " + number(value) + ")",
            value >= condition.low && value <= condition.high};
}

}  // namespace

std::vector<Candidate> candidates(const Call &call, int chosen) {
    std::vector<Candidate> result;
    const Facts facts = call.facts();
    const attune_kernel *kernels = call.pack()->kernel;
    for (int i = 0; i <= chosen; i++) {
        const attune_kernel &kernel = kernels[i];
        bool alike = kernel.variant == call.index() && kernel.dtype == kernels[chosen].dtype &&
                     std::strcmp(kernel.target, kernels[chosen].target) == 0;
        if (!alike) continue;
        Candidate candidate = {&kernel, i == chosen, {}};
        for (int c = 0; c < kernel.conditions; c++)
            candidate.conditions.push_back(evaluate(call, facts, kernel.condition[c]));
        result.push_back(candidate);
    }
    return result;
}

}  // namespace tool
