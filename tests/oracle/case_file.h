// Reads a conformance case: a folder with case.json and one .npy a tensor.
#ifndef ATTUNE_TESTS_ORACLE_CASE_FILE_H
#define ATTUNE_TESTS_ORACLE_CASE_FILE_H

#include "case.h"

#include <filesystem>

namespace attune::oracle {

struct CaseFile {
    Case call;  // the inputs alone
    std::map<std::string, Tensor> expected;
};

// Throws std::runtime_error (or what the JSON and .npy readers throw) for a malformed folder.
CaseFile read_case(const std::filesystem::path &folder);

// Every folder below `root` that has a case.json, sorted.
std::vector<std::filesystem::path> find_cases(const std::filesystem::path &root);

}  // namespace attune::oracle
#endif
