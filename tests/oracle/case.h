// A call of one operator by names: what a folder with case.json holds, in memory.
#ifndef ATTUNE_TESTS_ORACLE_CASE_H
#define ATTUNE_TESTS_ORACLE_CASE_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace attune::oracle {

enum class Dtype { f32, f16, bf16, i32, u8, f64 };

std::size_t size_of(Dtype dtype);

// Elements of 16-bit types are converted by rounding to nearest, ties to even.
double load(Dtype dtype, const std::byte *element);
void store(Dtype dtype, std::byte *element, double value);

// A strided view of memory that it keeps alive. Strides and offset count elements.
struct Tensor {
    Dtype dtype = Dtype::f32;
    std::vector<std::int64_t> shape, strides;
    std::shared_ptr<std::byte> storage;
    std::int64_t offset = 0;

    // New contiguous memory, all zeros.
    static Tensor zeros(Dtype dtype, std::vector<std::int64_t> shape);

    std::int64_t elements() const;
    // Address of the element whose position in C order is `rank`.
    std::byte *address(std::int64_t rank) const;
    double at(std::int64_t rank) const { return load(dtype, address(rank)); }
    void set(std::int64_t rank, double value) { store(dtype, address(rank), value); }
    std::byte *data() const {
        return storage.get() + offset * static_cast<std::int64_t>(size_of(dtype));
    }
    std::vector<double> values() const;  // in C order
};

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t> &shape);

using Attribute = std::variant<double, std::string>;

struct Case {
    std::string op;
    std::map<std::string, Attribute> attributes;
    std::map<std::string, Tensor> tensors;  // an absent optional tensor is not in here

    bool has(const std::string &tensor) const { return tensors.count(tensor) != 0; }
    double number(const std::string &attribute, double absent) const;
    std::string word(const std::string &attribute, const std::string &absent) const;
};

}  // namespace attune::oracle
#endif
