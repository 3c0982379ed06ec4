// A tensor that owns its memory, in any memory order, and its description for libattune.
#ifndef ATTUNE_CLI_ARRAY_H
#define ATTUNE_CLI_ARRAY_H

#include "attune_pack.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tool {

class Array {
public:
    // `order` lists the dimensions from the outermost in memory to the innermost; empty: C order.
    // Memory is 64-byte aligned and zero. Throws Fault if the size overflows.
    Array(std::vector<int64_t> shape, attune_dtype dtype, const std::string &order = "");

    const std::vector<int64_t> &shape() const { return shape_; }
    attune_dtype dtype() const { return dtype_; }
    size_t elements() const { return elements_; }
    size_t bytes() const { return elements_ * element_bytes(dtype_); }
    void *data() const { return data_.get(); }
    template <class T>
    T *as() const {
        return static_cast<T *>(data_.get());
    }

    DLTensor view();  // valid while the Array lives and does not move

    static size_t element_bytes(attune_dtype dtype);

private:
    struct Free {
        void operator()(void *memory) const;
    };
    std::vector<int64_t> shape_, strides_;
    attune_dtype dtype_;
    size_t elements_;
    std::unique_ptr<void, Free> data_;
};

// "f32", "f16", "bf16", "i32", "u8", "storage".
const char *dtype_name(int dtype);
// Of a storage type: f32, f16 or bf16. Throws Fault for another name.
attune_dtype storage_named(const std::string &name);

std::string shape_text(const std::vector<int64_t> &shape);  // [2, 16, 4, 64]

// Element-wise, rounding to nearest even; both arrays are in C order.
Array converted(const Array &from, attune_dtype to);

}  // namespace tool
#endif
