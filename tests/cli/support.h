// Case folders, and runs of the programs under test.
#ifndef ATTUNE_TESTS_CLI_SUPPORT_H
#define ATTUNE_TESTS_CLI_SUPPORT_H

#include "cli/array.h"
#include "cli/program.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

// A folder that is removed at the end of the test.
class Folder {
public:
    Folder();
    ~Folder();
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    std::string operator/(const std::string &name) const { return (path_ / name).string(); }
    std::string path() const { return path_.string(); }
    size_t files() const;  // entries of any kind, hidden ones too

private:
    std::filesystem::path path_;
};

void write_text(const std::string &path, const std::string &text);
std::string read_text(const std::string &path);

// An .npy file of any content: a header line and data.
std::string npy_text(const std::string &header, const std::string &data, char version = 1);
std::string npy_header(const std::string &descr, const std::string &order,
                       const std::string &shape);

tool::Array floats(std::vector<int64_t> shape, std::vector<float> values);
tool::Array integers(std::vector<int64_t> shape, std::vector<int32_t> values);

// A good case of the fixture pack's row_scale: x [2, 3, 4], w [2, 3], power = 1, outputs y and sum.
nlohmann::json good_case();
void write_case(const Folder &folder, const nlohmann::json &description);

// attune with the fixture pack, unless the arguments name another.
tool::Output attune(std::vector<std::string> arguments);
tool::Output run_case(const std::string &folder, const std::string &out,
                      std::vector<std::string> more = {});

#endif
