#include "case_file.h"

#include <nlohmann/json.hpp>
#include <xtensor/xnpy.hpp>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace attune::oracle {
namespace {

template <typename T>
Tensor typed(const std::filesystem::path &path, Dtype dtype) {
    const auto array = xt::load_npy<T>(path.string());
    Tensor tensor = Tensor::zeros(dtype, {array.shape().begin(), array.shape().end()});
    std::memcpy(tensor.data(), array.data(), array.size() * sizeof(T));
    return tensor;
}

// What the header calls the element type: the quoted word after 'descr'.
std::string element_type(const std::filesystem::path &path) {
    std::ifstream stream(path, std::ios::binary);
    std::string header;
    std::getline(stream, header);
    const std::size_t colon = header.find(':', header.find("'descr'"));
    const std::size_t open = header.find('\'', colon), close = header.find('\'', open + 1);
    if (close == std::string::npos) throw std::runtime_error("not a .npy file: " + path.string());
    return header.substr(open + 1, close - open - 1);
}

Tensor read_npy(const std::filesystem::path &path) {
    const std::string type = element_type(path);
    if (type == "<f4") return typed<float>(path, Dtype::f32);
    if (type == "<i4") return typed<std::int32_t>(path, Dtype::i32);
    if (type == "|u1") return typed<std::uint8_t>(path, Dtype::u8);
    throw std::runtime_error(path.string() + ": elements of type " + type);
}

}  // namespace

CaseFile read_case(const std::filesystem::path &folder) {
    std::ifstream stream(folder / "case.json");
    const auto json = nlohmann::json::parse(stream);
    CaseFile file;
    file.call.op = json.at("op");
    for (const auto &[name, value] : json.at("attrs").items())
        if (value.is_string())
            file.call.attributes[name] = value.get<std::string>();
        else
            file.call.attributes[name] = value.get<double>();
    for (const std::string name : json.at("inputs"))
        file.call.tensors[name] = read_npy(folder / (name + ".npy"));
    for (const std::string name : json.at("outputs"))
        file.expected[name] = read_npy(folder / (name + ".npy"));
    return file;
}

std::vector<std::filesystem::path> find_cases(const std::filesystem::path &root) {
    std::vector<std::filesystem::path> folders;
    for (const auto &entry : std::filesystem::recursive_directory_iterator(root))
        if (entry.path().filename() == "case.json") folders.push_back(entry.path().parent_path());
    std::sort(folders.begin(), folders.end());
    return folders;
}

}  // namespace attune::oracle
