#include "guarded.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <stdexcept>

namespace attune::tests {
namespace {

constexpr std::byte pattern{0xCB};

struct Unmap {
    void *mapping;
    std::size_t mapped, bytes;  // bytes: of the memory inside
    void operator()(std::byte *) const { munmap(mapping, mapped); }
};

struct Placed {
    std::vector<std::int64_t> strides;
    std::int64_t offset, elements;  // elements: of the whole memory
};

constexpr std::int64_t kSparse = 384;

Placed place4(const std::vector<std::int64_t> &shape, Layout layout) {
    const std::int64_t b = shape[0], l = shape[1], h = shape[2], d = shape[3];
    switch (layout) {
        case Layout::bhld:
            return {{h * l * d, d, l * d, 1}, 0, b * l * h * d};
        case Layout::packed:
            return {{3 * l * h * d, 3 * h * d, d, 1}, h * d, 3 * b * l * h * d};
        case Layout::padded: {
            const std::int64_t row = d + 3, token = h * row, batch = (l + 5) * token;
            return {{batch, token, row, 1}, 0, b * batch};
        }
        case Layout::sparse: {
            const std::int64_t token = std::max(h * d, kSparse);
            return {{l * token, token, d, 1}, 0, b * l * token};
        }
        default:
            return {{l * h * d, h * d, d, 1}, 0, b * l * h * d};
    }
}

Placed place(const std::vector<std::int64_t> &shape, Layout layout) {
    if (shape.size() == 4) return place4(shape, layout);
    std::vector<std::int64_t> room = shape;
    if (layout == Layout::padded && shape.size() > 1) room.back() += 3;
    const std::int64_t all =
        std::accumulate(room.begin(), room.end(), std::int64_t{1}, std::multiplies<>());
    Placed out{oracle::contiguous_strides(room), 0, all};
    if (layout == Layout::sparse && shape.size() == 3) {
        out.strides[0] = std::max(out.strides[0], kSparse);
        out.elements = shape[0] * out.strides[0];
    }
    return out;
}

Tensor make(Dtype dtype, const std::vector<std::int64_t> &shape, Layout layout, Guard guard,
            std::byte fill) {
    const Placed placed = place(shape, layout);
    Tensor tensor;
    tensor.dtype = dtype;
    tensor.shape = shape;
    tensor.strides = placed.strides;
    const auto count = static_cast<std::size_t>(placed.elements);
    tensor.offset = count ? placed.offset : 0;
    tensor.storage = guarded(count * oracle::size_of(dtype), guard, fill);
    return tensor;
}

bool all_pattern(const std::byte *first, std::size_t bytes) {
    return std::all_of(first, first + bytes, [](std::byte b) { return b == pattern; });
}

}  // namespace

std::shared_ptr<std::byte> guarded(std::size_t bytes, Guard guard, std::byte fill) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t room = (std::max<std::size_t>(bytes, 1) + page - 1) / page * page;
    const std::size_t mapped = room + 2 * page;
    void *const mapping =
        mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) throw std::runtime_error("mmap failed");
    auto *const first = static_cast<std::byte *>(mapping) + page;
    if (mprotect(first, room, PROT_READ | PROT_WRITE) != 0)
        throw std::runtime_error("mprotect failed");
    std::fill_n(first, room, fill);
    std::byte *const data = guard == Guard::after ? first + room - bytes : first;
    return {data, Unmap{mapping, mapped, bytes}};
}

Tensor poisoned(Dtype dtype, const std::vector<std::int64_t> &shape, Layout layout, Guard guard) {
    return make(dtype, shape, layout, guard, std::byte{0xFF});  // all ones: NaN in each float type
}

Tensor output(Dtype dtype, const std::vector<std::int64_t> &shape, Layout layout, Guard guard) {
    return make(dtype, shape, layout, guard, pattern);
}

Tensor with_outer(Tensor tensor, const std::vector<std::int64_t> &outer) {
    std::int64_t stride = tensor.strides.front();
    tensor.shape.erase(tensor.shape.begin());
    tensor.strides.erase(tensor.strides.begin());
    for (std::size_t d = outer.size(); d-- > 0; stride *= outer[d]) {
        tensor.shape.insert(tensor.shape.begin(), outer[d]);
        tensor.strides.insert(tensor.strides.begin(), stride);
    }
    return tensor;
}

bool untouched(const Tensor &tensor) {
    return all_pattern(tensor.storage.get(), std::get_deleter<Unmap>(tensor.storage)->bytes);
}

bool untouched_outside(const Tensor &tensor) {
    const std::size_t bytes = std::get_deleter<Unmap>(tensor.storage)->bytes;
    std::vector<std::byte> copy(tensor.storage.get(), tensor.storage.get() + bytes);
    const std::size_t size = oracle::size_of(tensor.dtype);
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
        std::fill_n(copy.begin() + (tensor.address(i) - tensor.storage.get()), size, pattern);
    return all_pattern(copy.data(), copy.size());
}

Tensor take(const Tensor &tensor, std::size_t dimension, const std::vector<std::int64_t> &order) {
    std::vector<std::int64_t> shape = tensor.shape;
    shape[dimension] = static_cast<std::int64_t>(order.size());
    Tensor out = Tensor::zeros(tensor.dtype, shape);
    const std::size_t size = oracle::size_of(tensor.dtype);
    const std::int64_t inner = oracle::contiguous_strides(shape)[dimension];
    for (std::int64_t i = 0; i < out.elements(); ++i) {
        const std::int64_t outer = i / inner / shape[dimension];
        const std::int64_t from = order[static_cast<std::size_t>(i / inner % shape[dimension])];
        const std::int64_t rank = (outer * tensor.shape[dimension] + from) * inner + i % inner;
        std::memcpy(out.address(i), tensor.address(rank), size);
    }
    return out;
}

}  // namespace attune::tests
