// The DLTensors of one fuzzed call and their memory.
#ifndef ATTUNE_TESTS_FUZZ_INPUT_H
#define ATTUNE_TESTS_FUZZ_INPUT_H

#include "attune_pack.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace attune::tests {

// Numbers from the input; zeros when it has ended.
class Bytes {
public:
    Bytes(const std::uint8_t *first, std::size_t count) : at_(first), end_(first + count) {}
    int byte() { return at_ == end_ ? 0 : *at_++; }
    int below(int count) { return byte() % count; }
    bool one_in(int count) { return byte() % count == 1; }  // never, once the input has ended

private:
    const std::uint8_t *at_, *end_;
};

struct Described {
    static constexpr int room = 8;  // dimensions that shape and strides have space for
    DLTensor tensor{};
    std::int64_t shape[room] = {}, strides[room] = {};
    bool given = true, fixed_data = false;  // fixed_data: the data pointer is already as wanted
    int misaligned = 0;                     // bytes
    std::shared_ptr<std::byte> memory;
    std::size_t bytes = 0;  // that may be read and written there
};

// Descriptors of tensors that agree with each other and with the variant's declaration.
std::vector<Described> legal(Bytes &in, const attune_variant &variant,
                             const std::vector<std::int64_t> &extents);

// Makes one change to one tensor.
void change(Bytes &in, std::vector<Described> &tensors);

// Gives each tensor the memory that its descriptor claims, filled with numbers, or with legal
// indices where the variant wants them. A claim of more than kernels can address gets one page.
void allocate(Bytes &in, const attune_variant &variant, const std::vector<std::int64_t> &extents,
              std::vector<Described> &tensors);

}  // namespace attune::tests
#endif
