#include "attribute.h"

#include "fault.h"

#include <cmath>
#include <cstdio>
#include <limits>

namespace tool {
namespace {

using nlohmann::json;

[[noreturn]] void wrong(const attune_attribute &attribute, const std::string &got) {
    std::string want = attribute_type_name(attribute.type);
    for (int i = 0; attribute.choices && attribute.choices[i]; i++)
        want += (i ? ", " : " ") + std::string(attribute.choices[i]);
    if (attribute.type == ATTUNE_FLAG) want += " 0 or 1";
    throw Fault(CALL_WRONG,
                std::string("attribute ") + attribute.name + " = " + got + ", expected " + want);
}

double choice(const attune_attribute &attribute, const json &value) {
    if (value.is_string())
        for (int i = 0; attribute.choices[i]; i++)
            if (value == attribute.choices[i]) return i;
    wrong(attribute, value.is_string() ? value.get<std::string>() : value.dump());
}

double integer(const attune_attribute &attribute, const json &value) {
    double number = value.is_number_integer() ? value.get<double>() : NAN;
    // The smallest int32 means "not given" in the args.
    if (!(std::fabs(number) <= std::numeric_limits<int32_t>::max())) wrong(attribute, value.dump());
    return number;
}

double flag(const attune_attribute &attribute, const json &value) {
    if (value.is_boolean()) return value.get<bool>();
    double number = integer(attribute, value);
    if (number != 0 && number != 1) wrong(attribute, value.dump());
    return number;
}

double real(const attune_attribute &attribute, const json &value) {
    double number = value.is_number() ? value.get<double>() : NAN;
    if (!(std::fabs(number) <= double(std::numeric_limits<float>::max())))
        wrong(attribute, value.dump());
    return number;
}

}  // namespace

double attribute_from_json(const attune_attribute &attribute, const json &value) {
    switch (attribute.type) {
        case ATTUNE_ENUM:
            return choice(attribute, value);
        case ATTUNE_FLAG:
            return flag(attribute, value);
        case ATTUNE_FLOAT:
            return real(attribute, value);
        default:
            return integer(attribute, value);
    }
}

double attribute_from_text(const attune_attribute &attribute, const std::string &text) {
    if (attribute.type == ATTUNE_ENUM) return choice(attribute, text);
    json value = json::parse(text, nullptr, false);
    if (value.is_discarded()) wrong(attribute, text);
    return attribute_from_json(attribute, value);
}

const char *attribute_type_name(int type) {
    static const char *const names[] = {"int", "float", "flag", "enum"};
    return type >= 0 && type <= ATTUNE_ENUM ? names[type] : "?";
}

std::string attribute_text(const attune_attribute &attribute, double value) {
    if (attribute.type == ATTUNE_ENUM) return attribute.choices[int(value)];
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", value);
    return text;
}

std::string fallback_text(const attune_attribute &attribute) {
    const attune_formula &fallback = attribute.fallback;
    if (fallback.terms == 0) return "required";
    bool number = fallback.terms == 1 && fallback.term[0].op == ATTUNE_OP_NUMBER;
    return number ? attribute_text(attribute, fallback.term[0].number) : fallback.text;
}

}  // namespace tool
