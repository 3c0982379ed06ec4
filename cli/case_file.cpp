#include "case_file.h"

#include "fault.h"

#include <algorithm>
#include <fstream>

namespace tool {
namespace {

using nlohmann::json;

[[noreturn]] void wrong(const std::string &line) { throw Fault(CALL_WRONG, line); }

const json &entry(const json &object, const std::string &file, const char *key,
                  json::value_t type) {
    auto found = object.find(key);
    if (found == object.end()) wrong(file + ": no entry \"" + key + "\"");
    if (found->type() != type)
        wrong(file + ": \"" + key + "\" is of type " + found->type_name() + ", expected " +
              json(type).type_name());
    return *found;
}

std::vector<std::string> names(const json &object, const std::string &file, const char *key) {
    std::vector<std::string> result;
    for (const json &name : entry(object, file, key, json::value_t::array)) {
        if (!name.is_string()) wrong(file + ": \"" + key + "\" holds " + name.dump());
        if (std::count(result.begin(), result.end(), name.get<std::string>()))
            wrong(file + ": \"" + key + "\" names " + name.dump() + " twice");
        result.push_back(name);
    }
    return result;
}

}  // namespace

Case read_case(const std::string &folder) {
    std::string file = folder + "/case.json";
    std::ifstream stream(file);
    if (!stream) wrong(file + ": cannot be read");
    json object = json::parse(stream, nullptr, false);
    if (!object.is_object()) wrong(file + ": not a JSON object");
    Case result;
    result.folder = folder;
    result.op = entry(object, file, "op", json::value_t::string);
    result.attributes = entry(object, file, "attrs", json::value_t::object);
    result.inputs = names(object, file, "inputs");
    result.outputs = names(object, file, "outputs");
    return result;
}

}  // namespace tool
