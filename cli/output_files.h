// Files that appear together or not at all.
#ifndef ATTUNE_CLI_OUTPUT_FILES_H
#define ATTUNE_CLI_OUTPUT_FILES_H

#include "array.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace tool {

class OutputFiles {
public:
    // Makes the folder if it does not exist. Throws Fault(CALL_WRONG) if it cannot be one.
    explicit OutputFiles(const std::string &folder);
    ~OutputFiles();  // removes what was not committed
    OutputFiles(const OutputFiles &) = delete;
    OutputFiles &operator=(const OutputFiles &) = delete;

    // Writes NAME.npy under a temporary name, 16-bit arrays as float32.
    void write(const std::string &name, const Array &array);
    void commit();  // gives all of them their names

private:
    std::filesystem::path folder_;
    std::vector<std::pair<std::filesystem::path, std::filesystem::path>> pending_;  // from, to
};

}  // namespace tool
#endif
