#include "workload.h"

#include "convert.h"

#include <algorithm>
#include <cmath>
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

// Rows of the last dimension cut 0..total into equal parts.
void fill_offsets(Array &array, double total) {
    size_t length = size_t(array.shape().back());
    for (size_t i = 0; i < array.elements(); i++)
        set_element(array, i, std::floor(total * double(i % length) / double(length - 1)));
}

// All of 0..count-1 in random order, again and again.
void fill_distinct(Array &array, double count, Random &random) {
    std::vector<int> order(size_t(std::max(count, 1.0)));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    for (size_t i = 0; i < array.elements(); i++) set_element(array, i, order[i % order.size()]);
}

Array empty_tensor(const attune_tensor &tensor, int rank, const Shape &shape) {
    std::vector<int64_t> extents;
    for (int dim = tensor.rank - rank; dim < tensor.rank; dim++)
        extents.push_back(shape.extents[size_t(tensor.extents[dim])]);
    bool storage = tensor.dtype == ATTUNE_STORAGE;
    return Array(extents, storage ? shape.dtype : attune_dtype(tensor.dtype),
                 storage && rank == 4 ? shape.order : "");
}

void fill(const Facts &facts, const attune_tensor &tensor, Array &array, Random &random) {
    bool integer = array.dtype() == ATTUNE_I32 || array.dtype() == ATTUNE_U8;
    double high = facts.value(tensor.high);
    if (array.elements() == 0) return;
    if (tensor.content == ATTUNE_PERMUTATION)
        fill_permutations(array, random);
    else if (tensor.content == ATTUNE_OFFSETS)
        fill_offsets(array, high);
    else if (tensor.content == ATTUNE_RANGE && tensor.used)
        fill_distinct(array, high + 1, random);
    else if (tensor.content == ATTUNE_RANGE)
        fill_constant(array, high);
    else if (integer)
        fill_constant(array, tensor.absent.terms ? facts.value(tensor.absent) : 1);
    else
        fill_normal(array, random);
}

}  // namespace

std::unique_ptr<Call> make_workload(const attune_pack *pack, const Shape &shape) {
    auto call = std::make_unique<Call>(pack, shape.variant);
    const attune_variant &variant = call->variant();
    for (int i = 0; i < variant.attributes; i++)
        call->set_attribute(i, shape.attributes[size_t(i)]);
    Random random(1);
    const Facts facts = facts_of(variant, shape);
    for (int i = 0; i < variant.tensors; i++) {
        int rank = facts.ranks[size_t(i)];
        if (rank < 0) continue;
        Array array = empty_tensor(variant.tensor[i], rank, shape);
        if (!variant.tensor[i].output) fill(facts, variant.tensor[i], array, random);
        call->set_tensor(i, std::move(array));
    }
    return call;
}

}  // namespace tool
