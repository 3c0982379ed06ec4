// Attribute values from case.json and from the command line.
#ifndef ATTUNE_CLI_ATTRIBUTE_H
#define ATTUNE_CLI_ATTRIBUTE_H

#include "attune_pack.h"

#include <nlohmann/json.hpp>

#include <string>

namespace tool {

// The number that Call::set_attribute takes. Range is libattune's to check; what cannot be held by
// the attribute's type throws Fault(CALL_WRONG).
double attribute_from_json(const attune_attribute &attribute, const nlohmann::json &value);
double attribute_from_text(const attune_attribute &attribute, const std::string &text);

const char *attribute_type_name(int type);  // int, float, flag, enum
// A value as a user writes it: "top_left", "0.125", "3".
std::string attribute_text(const attune_attribute &attribute, double value);
// The default as a user reads it: "-1", "1/sqrt(D)", "required".
std::string fallback_text(const attune_attribute &attribute);

}  // namespace tool
#endif
