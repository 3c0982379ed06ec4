#include "support.h"

#include "cli/npy.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;

Folder::Folder() {
    std::string name = (fs::temp_directory_path() / "attune-test-XXXXXX").string();
    if (!mkdtemp(&name[0])) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

size_t Folder::files() const {
    return size_t(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
}

void write_text(const std::string &path, const std::string &text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string read_text(const std::string &path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

std::string npy_text(const std::string &header, const std::string &data, char version) {
    std::string text = header + "\n", start = std::string("\x93NUMPY") + version + '\0';
    start += char(text.size() & 255);
    start += char(text.size() >> 8);
    if (version == 2) start += std::string(2, '\0');
    return start + text + data;
}

std::string npy_header(const std::string &descr, const std::string &order,
                       const std::string &shape) {
    return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

tool::Array floats(std::vector<int64_t> shape, std::vector<float> values) {
    tool::Array array(shape, ATTUNE_F32);
    std::copy(values.begin(), values.end(), array.as<float>());
    return array;
}

tool::Array integers(std::vector<int64_t> shape, std::vector<int32_t> values) {
    tool::Array array(shape, ATTUNE_I32);
    std::copy(values.begin(), values.end(), array.as<int32_t>());
    return array;
}

nlohmann::json good_case() {
    return {{"op", "row_scale"},
            {"attrs", {{"power", 1}}},
            {"inputs", {"x", "w"}},
            {"outputs", {"y", "sum"}},
            {"source", "none"}};
}

void write_case(const Folder &folder, const nlohmann::json &description) {
    std::vector<float> x(24);
    for (size_t i = 0; i < x.size(); i++) x[i] = float(i) / 8;
    tool::write_npy(folder / "x.npy", floats({2, 3, 4}, x));
    tool::write_npy(folder / "w.npy", floats({2, 3}, {1, 2, 3, 4, 5, 6}));
    tool::write_npy(folder / "start.npy", integers({2}, {0, 2}));
    write_text(folder / "case.json", description.dump());
}

tool::Output attune(std::vector<std::string> arguments) {
    setenv("ATTUNE_PACK", FIXTURE_PACK, 1);
    arguments.insert(arguments.begin(), ATTUNE_PROGRAM);
    return tool::output_of(arguments);
}

tool::Output run_case(const std::string &folder, const std::string &out,
                      std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run", "--case", folder, "--out", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return attune(arguments);
}
