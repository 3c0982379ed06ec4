#include "random_weights.h"

#include <cmath>

namespace {

// splitmix64 (Steele, Lea and Flood 2014).
uint64_t mixed(uint64_t z) {
    z *= 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

// 24 bits: exact in a float, so that every machine and NumPy get the same.
float unit(uint32_t seed, int64_t i) {
    const uint64_t bits = mixed((uint64_t{seed} << 32) + uint64_t(i) + 1) >> 40;
    return static_cast<float>(bits) * 0x1p-23f - 1;
}

}  // namespace

Rows uniform(uint32_t seed, int64_t rows, int64_t columns, float bound) {
    Rows x(rows, columns);
    for (int64_t i = 0; i < x.size(); i++) x.data()[i] = bound * unit(seed, i);
    return x;
}

Rows uniform(uint32_t seed, int64_t rows, int64_t columns) {
    return uniform(seed, rows, columns, std::sqrt(3.f / static_cast<float>(columns)));
}

Linear random_linear(uint32_t seed, int64_t out, int64_t in, bool bias) {
    return {uniform(seed, out, in), uniform(seed + 100, 1, out, bias ? 0.1f : 0.f)};
}

Linear stacked(const std::vector<Linear> &parts) {
    int64_t rows = 0;
    for (const Linear &part : parts) rows += part.weight.rows();
    Linear all{Rows(rows, parts[0].weight.cols()), Eigen::RowVectorXf(rows)};
    rows = 0;
    for (const Linear &part : parts) {
        all.weight.middleRows(rows, part.weight.rows()) = part.weight;
        all.bias.segment(rows, part.weight.rows()) = part.bias;
        rows += part.weight.rows();
    }
    return all;
}

Norm random_norm(uint32_t seed, int64_t width) {
    const Rows scale = uniform(seed, 1, width, 0.1f), shift = uniform(seed + 100, 1, width, 0.1f);
    return {(scale.array() + 1).matrix(), shift};
}

Rows apply(const Linear &linear, const Eigen::Ref<const Rows> &x) {
    Rows y(x.rows(), linear.weight.rows());
    y.noalias() = x * linear.weight.transpose();
    y.rowwise() += linear.bias;
    return y;
}

Rows normalized(const Rows &x, const Norm &norm, float epsilon) {
    Rows y = x;
    for (int64_t i = 0; i < y.rows(); i++) {
        auto row = y.row(i).array();
        row -= row.mean();
        row *= 1 / std::sqrt(row.square().mean() + epsilon);
        row = row * norm.scale.array() + norm.shift.array();
    }
    return y;
}
