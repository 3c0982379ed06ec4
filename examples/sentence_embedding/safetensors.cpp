#include "safetensors.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "bad_input.h"

using nlohmann::json;

namespace {

// The format's own limit; a longer header is a broken length, not worth the memory.
constexpr int64_t kMaxHeaderBytes = 100'000'000;

std::string to_text(const std::vector<int64_t> &shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); i++) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

// Numbers of a JSON list, all in 0..2^63-1; false if it is anything else.
bool read_numbers(const json &list, std::vector<int64_t> *numbers) {
    if (!list.is_array()) return false;
    for (const json &number : list) {
        if (!number.is_number_unsigned()) return false;
        const auto value = number.get<uint64_t>();
        if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return false;
        numbers->push_back(static_cast<int64_t>(value));
    }
    return true;
}

// Bytes of that many elements; -1 if they do not fit in 63 bits.
int64_t bytes_of(const std::vector<int64_t> &shape, int64_t element_bytes) {
    int64_t bytes = element_bytes;
    for (int64_t extent : shape) {
        if (__builtin_mul_overflow(bytes, extent, &bytes)) return -1;
    }
    return bytes;
}

}  // namespace

void Safetensors::fail(const std::string &why) const { throw BadInput(path_ + ": " + why); }

int64_t Safetensors::read_header_length() {
    file_.seekg(0, std::ios::end);
    file_bytes_ = static_cast<int64_t>(file_.tellg());
    file_.seekg(0);
    unsigned char little_endian[8];
    if (file_bytes_ < 8 || !file_.read(reinterpret_cast<char *>(little_endian), 8)) {
        fail("not a safetensors file: " + std::to_string(file_bytes_) + " bytes");
    }
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | little_endian[i];
    const int64_t limit = std::min(file_bytes_ - 8, kMaxHeaderBytes);
    if (length > static_cast<uint64_t>(limit)) {
        fail("header of " + std::to_string(length) + " bytes in a file of " +
             std::to_string(file_bytes_) + " bytes");
    }
    return static_cast<int64_t>(length);
}

Safetensors::Tensor Safetensors::parse(const std::string &name, const json &entry,
                                       int64_t data_begin) const {
    Tensor tensor;
    std::vector<int64_t> offsets;
    if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() ||
        !entry.contains("shape") || !read_numbers(entry["shape"], &tensor.shape) ||
        !entry.contains("data_offsets") || !read_numbers(entry["data_offsets"], &offsets) ||
        offsets.size() != 2) {
        fail(name + ": the header lacks a valid dtype, shape or data_offsets");
    }
    const int64_t data_bytes = file_bytes_ - data_begin;
    if (offsets[0] > offsets[1] || offsets[1] > data_bytes) {
        fail(name + ": data_offsets " + to_text(offsets) + " in data of " +
             std::to_string(data_bytes) + " bytes");
    }
    tensor.dtype = entry["dtype"].get<std::string>();
    tensor.begin = data_begin + offsets[0];
    tensor.bytes = offsets[1] - offsets[0];
    return tensor;
}

Safetensors::Safetensors(const std::string &path) : path_(path), file_(path, std::ios::binary) {
    if (!file_) fail("cannot open");
    const int64_t length = read_header_length();
    std::string text(static_cast<size_t>(length), '\0');
    if (!file_.read(text.data(), length)) fail("cannot read the header");
    const json header = json::parse(text, nullptr, false);
    if (!header.is_object()) fail("the header is not a JSON object");
    for (const auto &[name, entry] : header.items()) {
        if (name == "__metadata__") continue;
        tensors_.emplace(name, parse(name, entry, 8 + length));
    }
}

std::vector<float> Safetensors::floats(const std::string &name, const std::vector<int64_t> &shape) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail("no tensor " + name);
    const Tensor &tensor = found->second;
    if (tensor.dtype != "F32") fail(name + ": dtype " + tensor.dtype + ", expected F32");
    if (tensor.shape != shape) {
        fail(name + ": shape " + to_text(tensor.shape) + ", expected " + to_text(shape));
    }
    if (tensor.bytes != bytes_of(shape, sizeof(float))) {
        fail(name + ": " + std::to_string(tensor.bytes) + " bytes of data for shape " +
             to_text(shape));
    }
    std::vector<float> values(static_cast<size_t>(tensor.bytes) / sizeof(float));
    file_.clear();
    file_.seekg(tensor.begin);
    if (!file_.read(reinterpret_cast<char *>(values.data()), tensor.bytes)) {
        fail(name + ": cannot read the data");
    }
    return values;
}
