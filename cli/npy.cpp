#include "npy.h"

#include "fault.h"

#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xnpy.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

namespace tool {
namespace {

// Headers of plain arrays take 128 bytes; more is no array of ours.
constexpr size_t MAX_HEADER = 4096;

struct Header {
    std::string descr;
    std::vector<int64_t> shape;
    size_t data_start;
};

[[noreturn]] void malformed(const std::string &path, const std::string &why) {
    throw Fault(CALL_WRONG, path + ": " + why);
}

size_t file_size(const std::string &path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) malformed(path, "is a folder");
    size_t size = std::filesystem::file_size(path, error);
    if (error) malformed(path, error.message());
    return size;
}

std::string read_start(std::istream &file) {
    std::string start(MAX_HEADER + 12, '\0');
    file.read(&start[0], std::streamsize(start.size()));
    start.resize(size_t(file.gcount()));
    file.clear();
    file.seekg(0);
    return start;
}

// The text between the magic string and the data: a Python dictionary.
std::string header_text(const std::string &path, const std::string &file, size_t *data_start) {
    if (file.size() < 10 || file.compare(0, 6, "\x93NUMPY") != 0)
        malformed(path, "not an .npy file, or a truncated one");
    auto byte = [&](size_t at) { return size_t(static_cast<unsigned char>(file[at])); };
    size_t start = byte(6) == 1 ? 10 : 12;
    if (byte(6) < 1 || byte(6) > 2 || byte(7) != 0 || file.size() < start)
        malformed(path, "version " + std::to_string(byte(6)) + " of .npy, expected 1 or 2");
    size_t length = byte(8) | byte(9) << 8;
    if (start == 12) length |= byte(10) << 16 | byte(11) << 24;
    if (length > MAX_HEADER || length > file.size() - start)
        malformed(path, "a header of " + std::to_string(length) + " bytes, expected at most " +
                            std::to_string(std::min(MAX_HEADER, file.size() - start)));
    *data_start = start + length;
    return file.substr(start, length);
}

std::vector<int64_t> parse_shape(const std::string &path, const std::string &text) {
    std::vector<int64_t> shape;
    std::stringstream items(text);
    for (std::string item; std::getline(items, item, ',');) {
        if (item.size() > 18) malformed(path, "extent " + item + " is too large");
        shape.push_back(std::stoll(item));
    }
    return shape;
}

// Stricter than xtensor's parser, which takes what it does not understand as zeros.
Header parse_header(const std::string &path, const std::string &file) {
    Header header;
    std::string text = header_text(path, file, &header.data_start);
    if (text.empty() || text.back() != '\n') malformed(path, "the header is malformed");
    auto blank = [](char c) { return c == ' ' || c == '\n'; };
    text.erase(std::remove_if(text.begin(), text.end(), blank), text.end());
    static const std::regex form(
        R"(\{'descr':'([^']{1,8})','fortran_order':(True|False),'shape':\(((\d+,)*\d*)\),?\})");
    std::smatch match;
    if (!std::regex_match(text, match, form)) malformed(path, "the header is malformed");
    header.descr = match[1];
    header.shape = parse_shape(path, match[3]);
    return header;
}

void check_size(const std::string &path, const Header &header, size_t element, size_t file) {
    size_t want = element;
    for (int64_t extent : header.shape)
        if (__builtin_mul_overflow(want, size_t(extent), &want))
            malformed(path, "shape " + shape_text(header.shape) + " is too large");
    if (want != file - header.data_start)
        malformed(path, "shape " + shape_text(header.shape) + " takes " + std::to_string(want) +
                            " bytes, the file holds " + std::to_string(file - header.data_start));
}

template <class T>
Array load(std::istream &file, const Header &header, attune_dtype dtype) {
    xt::xarray<T, xt::layout_type::row_major> values = xt::load_npy<T>(file);
    Array array(header.shape, dtype);
    std::copy(values.begin(), values.end(), array.as<T>());
    return array;
}

template <class T>
std::string dump(const Array &array) {
    std::vector<size_t> shape(array.shape().begin(), array.shape().end());
    auto values = xt::adapt(array.as<T>(), array.elements(), xt::no_ownership(), shape);
    return xt::dump_npy(values);
}

std::string dump(const Array &array) {
    if (array.dtype() == ATTUNE_I32) return dump<int32_t>(array);
    return array.dtype() == ATTUNE_U8 ? dump<uint8_t>(array) : dump<float>(array);
}

}  // namespace

Array read_npy(const std::string &path) {
    size_t size = file_size(path);
    std::ifstream file(path, std::ios::binary);
    if (!file) malformed(path, std::strerror(errno));
    Header header = parse_header(path, read_start(file));
    bool f32 = header.descr == "<f4", i32 = header.descr == "<i4", u8 = header.descr == "|u1";
    if (!f32 && !i32 && !u8)
        malformed(path, "element type " + header.descr + ", expected <f4, <i4 or |u1");
    check_size(path, header, u8 ? 1 : 4, size);
    if (f32) return load<float>(file, header, ATTUNE_F32);
    return i32 ? load<int32_t>(file, header, ATTUNE_I32) : load<uint8_t>(file, header, ATTUNE_U8);
}

void write_npy(const std::string &path, const Array &array) {
    std::ofstream file(path, std::ios::binary);
    if (file) file << dump(array) << std::flush;
    if (!file) throw Fault(MACHINE_FAILED, path + ": " + std::strerror(errno));
}

}  // namespace tool
