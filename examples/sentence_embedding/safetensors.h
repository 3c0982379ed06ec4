// Reads tensors of a .safetensors file: 8 bytes length of the header, a JSON header, the data.
#ifndef SENTENCE_EMBEDDING_SAFETENSORS_H
#define SENTENCE_EMBEDDING_SAFETENSORS_H

#include <cstdint>
#include <fstream>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

class Safetensors {
public:
    /// Reads and checks the header. Throws BadInput naming the file, the tensor and what is wrong.
    explicit Safetensors(const std::string &path);

    /// The elements of a float32 tensor in C order. Throws BadInput if the file has no such tensor,
    /// or one of another type or shape.
    std::vector<float> floats(const std::string &name, const std::vector<int64_t> &shape);

private:
    struct Tensor {
        std::string dtype;
        std::vector<int64_t> shape;
        int64_t begin, bytes;  // begin counts from the start of the file
    };

    [[noreturn]] void fail(const std::string &why) const;
    int64_t read_header_length();
    Tensor parse(const std::string &name, const nlohmann::json &entry, int64_t data_begin) const;

    std::string path_;
    std::ifstream file_;
    int64_t file_bytes_ = 0;
    std::map<std::string, Tensor> tensors_;
};

#endif
