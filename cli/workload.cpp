#include "workload.h"

#include "convert.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace tool {
namespace {

using Random = std::mt19937;

void set_element(Array &array, size_t i, double value) {
    switch (array.dtype()) {
        case ATTUNE_F16:
            array.as<uint16_t>()[i] = f16_from_f32(float(value));
            break;
        case ATTUNE_BF16:
            array.as<uint16_t>()[i] = bf16_from_f32(float(value));
            break;
        case ATTUNE_I32:
            array.as<int32_t>()[i] = int32_t(value);
            break;
        case ATTUNE_U8:
            array.as<uint8_t>()[i] = uint8_t(value);
            break;
        default:
            array.as<float>()[i] = float(value);
    }
}

void fill_normal(Array &array, Random &random) {
    std::normal_distribution<float> normal;
    for (size_t i = 0; i < array.elements(); i++) set_element(array, i, normal(random));
}

void fill_constant(Array &array, double value) {
    for (size_t i = 0; i < array.elements(); i++) set_element(array, i, value);
}

// Index tensors are in C order, so rows of the last dimension are contiguous.
void fill_permutations(Array &array, Random &random) {
    size_t length = size_t(array.shape().back());
    std::vector<int> row(length);
    std::iota(row.begin(), row.end(), 0);
    for (size_t start = 0; start < array.elements(); start += length) {
        std::shuffle(row.begin(), row.end(), random);
        for (size_t i = 0; i < length; i++) set_element(array, start + i, row[i]);
    }
}

Array empty_tensor(const attune_tensor &tensor, const Shape &shape) {
    std::vector<int64_t> extents;
    for (int dim = 0; dim < tensor.rank; dim++)
        extents.push_back(shape.extents[size_t(tensor.extents[dim])]);
    bool storage = tensor.dtype == ATTUNE_STORAGE;
    return Array(extents, storage ? shape.dtype : attune_dtype(tensor.dtype),
                 storage && tensor.rank == 4 ? shape.order : "");
}

void fill(const Call &call, const attune_tensor &tensor, Array &array, Random &random) {
    bool integer = array.dtype() == ATTUNE_I32 || array.dtype() == ATTUNE_U8;
    if (array.elements() == 0) return;
    if (tensor.content == ATTUNE_PERMUTATION)
        fill_permutations(array, random);
    else if (tensor.content == ATTUNE_RANGE)
        fill_constant(array, call.value(tensor.high));
    else if (!integer)
        fill_normal(array, random);
}

}  // namespace

std::unique_ptr<Call> make_workload(const attune_pack *pack, const Shape &shape) {
    auto call = std::make_unique<Call>(pack, shape.variant);
    const attune_variant &variant = call->variant();
    for (int i = 0; i < variant.attributes; i++)
        call->set_attribute(i, shape.attributes[size_t(i)]);
    for (int i = 0; i < variant.tensors; i++)
        if (!variant.tensor[i].optional || shape.present >> i & 1)
            call->set_tensor(i, empty_tensor(variant.tensor[i], shape));
    Random random(1);
    for (int i = 0; i < variant.tensors; i++)  // after all extents are known
        if (call->given(i) && !variant.tensor[i].output)
            fill(*call, variant.tensor[i], call->tensor(i), random);
    return call;
}

}  // namespace tool
