#include "input.h"

#include "guarded.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

namespace attune::tests {
namespace {

using Wide = __int128;  // holds any sum of products of two 64-bit numbers here

constexpr Wide heap_limit = 1 << 20, mapped_limit = Wide(1) << 37;

const std::int64_t extremes[] = {0,         -1,        1,         2,         7,  INT32_MAX,
                                 INT64_MAX, INT64_MIN, 1LL << 31, 1LL << 32, -3, 1LL << 20};

template <typename T, std::size_t N>
T pick(Bytes &in, const T (&all)[N]) {
    return all[in.below(static_cast<int>(N))];
}

DLDataType type_of(int dtype) {
    switch (dtype) {
        case ATTUNE_I32:
            return {kDLInt, 32, 1};
        case ATTUNE_U8:
            return {kDLUInt, 8, 1};
        default:
            return {kDLFloat, 32, 1};
    }
}

int size_of(const DLTensor &tensor) {
    return std::max(1, tensor.dtype.bits * std::max<int>(1, tensor.dtype.lanes) / 8);
}

int dimensions(const Described &d) { return std::clamp(d.tensor.ndim, 0, Described::room); }

void compact(Described &d) {
    std::int64_t stride = 1;
    for (int i = dimensions(d); i-- > 0; stride *= std::max<std::int64_t>(1, d.shape[i]))
        d.strides[i] = stride;
}

// Offsets of the first and last element; false if there is no element.
bool reach(const Described &d, Wide &low, Wide &high) {
    low = high = 0;
    Wide stride = 1;
    for (int i = dimensions(d); i-- > 0; stride *= d.shape[i]) {
        if (d.shape[i] <= 0) return false;
        if (stride > mapped_limit) stride = mapped_limit;
        const Wide far = (d.tensor.strides ? Wide(d.strides[i]) : stride) * (d.shape[i] - 1);
        const Wide most = Wide(1) << 100;  // beyond any memory, and sums of it fit
        const Wide step = std::clamp(far, -most, most);
        (step < 0 ? low : high) += step;
    }
    return true;
}

std::shared_ptr<std::byte> reserve(std::size_t bytes) {
    void *const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return {static_cast<std::byte *>(memory), [bytes](std::byte *m) { munmap(m, bytes); }};
}

void give_memory(Bytes &in, Described &d) {
    Wide low, high;
    const bool any = d.tensor.shape && reach(d, low, high);
    const Wide size = size_of(d.tensor), span = any ? (high - low + 1) * size : 0;
    const bool fits = span <= mapped_limit;
    const auto misaligned = static_cast<std::size_t>(d.misaligned);
    const std::size_t bytes = (fits ? static_cast<std::size_t>(span) : 4096) + misaligned;
    const Guard guard = in.one_in(2) ? Guard::before : Guard::after;
    d.memory = bytes > heap_limit ? reserve(bytes) : guarded(bytes, guard, std::byte{0x3E});
    d.bytes = bytes > heap_limit ? 0 : bytes;
    if (d.fixed_data) return;
    std::byte *first = d.memory.get() + misaligned;
    if (any && fits) first += static_cast<std::int64_t>(-low * size);
    d.tensor.data =
        reinterpret_cast<void *>(reinterpret_cast<std::uintptr_t>(first) - d.tensor.byte_offset);
}

double number(const attune_variant &variant, const attune_formula &formula,
              const std::vector<std::int64_t> &extents, double otherwise) {
    const std::vector<double> attributes(static_cast<std::size_t>(variant.attributes), NAN);
    const std::vector<int> ranks(static_cast<std::size_t>(variant.tensors), -1);
    const attune_facts facts = {extents.data(), attributes.data(), ranks.data()};
    const double value = attune_evaluate(&formula, &facts);
    return std::isnan(value) ? otherwise : value;
}

// Legal indices for compact rows, here and there another number.
void fill_indices(Bytes &in, const attune_variant &variant, const attune_tensor &declared,
                  const std::vector<std::int64_t> &extents, Described &d) {
    const std::size_t start = static_cast<std::size_t>(d.misaligned);
    const std::int64_t row = std::max<std::int64_t>(1, d.shape[std::max(0, dimensions(d) - 1)]);
    const auto high = static_cast<std::int64_t>(number(variant, declared.high, extents, 3));
    const std::int64_t values =
        declared.content == ATTUNE_PERMUTATION ? row : std::max<std::int64_t>(1, high + 1);
    const int wrong = in.one_in(4) ? in.byte() : -1, turn = in.byte();
    for (std::size_t i = 0; start + i * 4 + 4 <= d.bytes; ++i) {
        const std::int64_t at = static_cast<std::int64_t>(i) % row + turn;
        auto value = static_cast<std::int32_t>(at % values);
        if (declared.content == ATTUNE_OFFSETS)  // equal steps
            value =
                static_cast<std::int32_t>((at - turn) * high / std::max<std::int64_t>(1, row - 1));
        if (static_cast<int>(i) == wrong) value = static_cast<std::int32_t>(pick(in, extremes));
        std::memcpy(d.memory.get() + start + i * 4, &value, sizeof value);
    }
}

void fill_floats(Described &d) {
    for (std::size_t i = 0; i + sizeof(float) <= d.bytes; i += sizeof(float)) {
        const float value = static_cast<float>(i * 37 % 101) / 50 - 1;
        std::memcpy(d.memory.get() + i, &value, sizeof value);
    }
}

// Puts `d` into the memory of `other`, if it is large enough, at the same place from its start.
void share(Described &d, const Described &other) {
    if (d.fixed_data || d.bytes == 0 || d.bytes > other.bytes) return;
    const auto data = reinterpret_cast<std::uintptr_t>(d.tensor.data);
    const auto from = reinterpret_cast<std::uintptr_t>(d.memory.get());
    const auto to = reinterpret_cast<std::uintptr_t>(other.memory.get());
    d.tensor.data = reinterpret_cast<void *>(data - from + to);
    d.memory = other.memory;
}

}  // namespace

std::vector<Described> legal(Bytes &in, const attune_variant &variant,
                             const std::vector<std::int64_t> &extents) {
    std::vector<Described> tensors(static_cast<std::size_t>(variant.tensors));
    for (int t = 0; t < variant.tensors; ++t) {
        const attune_tensor &declared = variant.tensor[t];
        Described &d = tensors[static_cast<std::size_t>(t)];
        d.given = !declared.optional || in.one_in(declared.output ? 2 : 6);
        d.tensor.device = {kDLCPU, 0};
        d.tensor.dtype = type_of(declared.dtype);
        const int skipped = declared.leading && in.one_in(2) ? declared.leading : 0;
        d.tensor.ndim = declared.rank - skipped;
        for (int i = 0; i < d.tensor.ndim; ++i) {
            const int from = i + skipped;
            const bool one = declared.broadcast[from] && in.one_in(2);
            d.shape[i] = one ? 1 : extents[static_cast<std::size_t>(declared.extents[from])];
        }
        compact(d);
        if (d.tensor.ndim > 2 && in.one_in(3))  // two outer dimensions trade places
            d.strides[0] = d.strides[1], d.strides[1] = d.strides[0] * d.shape[0];
    }
    for (Described &d : tensors) d.tensor.shape = d.shape, d.tensor.strides = d.strides;
    return tensors;
}

void change(Bytes &in, std::vector<Described> &tensors) {
    Described &d = tensors[static_cast<std::size_t>(in.byte()) % tensors.size()];
    const int dimension = in.below(Described::room);
    const int ranks[] = {-1, 0, 1, 2, 3, 4, 5, 8, 100, INT32_MIN};
    const std::uint64_t offsets[] = {4, 64, 1, UINT64_MAX, 1ULL << 63};
    switch (in.below(13)) {
        case 0:
            d.given = !d.given;
            break;
        case 1:
            d.tensor.ndim = pick(in, ranks);
            break;
        case 2:
            d.shape[dimension] = pick(in, extremes);
            break;
        case 3:
            d.shape[dimension] = in.below(20);
            break;
        case 4:
            d.strides[dimension] = pick(in, extremes);
            break;
        case 5:
            d.strides[dimension] += in.below(64) - 32;
            break;
        case 6:
            d.tensor.dtype.code = static_cast<std::uint8_t>(in.below(8));
            d.tensor.dtype.bits = static_cast<std::uint8_t>(8 << in.below(4));
            d.tensor.dtype.lanes = static_cast<std::uint16_t>(in.below(3));
            break;
        case 7:
            d.tensor.device.device_type = static_cast<DLDeviceType>(in.below(16));
            break;
        case 8:
            d.tensor.byte_offset = pick(in, offsets);
            break;
        case 9:
            d.tensor.data = nullptr, d.fixed_data = true;
            break;
        case 10:
            d.misaligned = 1 + in.below(3);
            break;
        case 11:
            d.tensor.shape = nullptr;
            break;
        default:
            d.tensor.strides = nullptr;
            break;
    }
}

void allocate(Bytes &in, const attune_variant &variant, const std::vector<std::int64_t> &extents,
              std::vector<Described> &tensors) {
    for (int t = 0; t < variant.tensors; ++t) {
        Described &d = tensors[static_cast<std::size_t>(t)];
        if (!d.given) continue;
        give_memory(in, d);
        if (variant.tensor[t].content == ATTUNE_ANY)
            fill_floats(d);
        else
            fill_indices(in, variant, variant.tensor[t], extents, d);
    }
    const std::size_t a = static_cast<std::size_t>(in.byte()) % tensors.size();
    const std::size_t b = static_cast<std::size_t>(in.byte()) % tensors.size();
    if (in.one_in(16) && tensors[a].given && tensors[b].given) share(tensors[a], tensors[b]);
}

}  // namespace attune::tests
