// A case folder: case.json {op, attrs, inputs, outputs} and one NAME.npy a tensor beside it.
#ifndef ATTUNE_CLI_CASE_FILE_H
#define ATTUNE_CLI_CASE_FILE_H

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace tool {

struct Case {
    std::string folder, op;
    nlohmann::json attributes;  // an object
    std::vector<std::string> inputs, outputs;
};

// Throws Fault(CALL_WRONG) that names the file and the entry if it is missing or malformed.
Case read_case(const std::string &folder);

}  // namespace tool
#endif
