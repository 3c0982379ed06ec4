// Calls the variant of distance.cpp, compares with a plain loop, and with itself where tokens lie
// far apart in memory: the same bits, although kernels may copy such keys first.
#include <mine.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

constexpr int kLength = 137, kHeads = 2, kWidth = 64, kFar = 512;
constexpr float kSlope = 0.25f;
// Linking is what is tested here: a kernel that ran is far nearer, another one far away.
constexpr double kNear = 1e-5;

struct Array {
    std::vector<float> data;
    int64_t shape[4] = {1, kLength, kHeads, kWidth};
    int64_t strides[4];
    DLTensor tensor = {};

    explicit Array(unsigned seed, int token = kHeads * kWidth)
        : data(size_t(kLength * token)), strides{kLength * token, token, kWidth, 1} {
        for (int i = 0; i < kLength; i++)
            for (int j = 0; j < kHeads * kWidth; j++) {
                seed = seed * 1664525u + 1013904223u;
                data[size_t(i * token + j)] = float(seed >> 8) / (1 << 24);
            }
        tensor.data = data.data();
        tensor.device = {kDLCPU, 0};
        tensor.ndim = 4;
        tensor.dtype = {kDLFloat, 32, 1};
        tensor.shape = shape;
        tensor.strides = strides;
    }
    const float *row(int i, int h) const { return &data[size_t(i * strides[1] + h * kWidth)]; }
};

double score(const float *q, const float *k, int distance) {
    double sum = 0;
    for (int d = 0; d < kWidth; d++) sum += double(q[d]) * k[d];
    return sum / std::sqrt(double(kWidth)) - double(kSlope) * std::abs(distance);
}

double worst_error(const Array &q, const Array &k, const Array &v, const Array &o) {
    double worst = 0;
    for (int i = 0; i < kLength; i++)
        for (int h = 0; h < kHeads; h++) {
            double sum = 0, result[kWidth] = {};
            for (int j = 0; j < kLength; j++) {
                double p = std::exp(score(q.row(i, h), k.row(j, h), i - j));
                sum += p;
                for (int d = 0; d < kWidth; d++) result[d] += p * v.row(j, h)[d];
            }
            for (int d = 0; d < kWidth; d++)
                worst = std::fmax(worst, std::fabs(result[d] / sum - o.row(i, h)[d]));
        }
    return worst;
}

}  // namespace

int main() {
    Array q(1), k(2), v(3), o(4), far_k(2, kFar), far_v(3, kFar), far_o(4);
    attune_distance_args args;
    attune_distance_defaults(&args);
    args.q = &q.tensor;
    args.k = &k.tensor;
    args.v = &v.tensor;
    args.o = &o.tensor;
    args.slope = kSlope;
    attune_context *context = nullptr;
    attune_status status = attune_context_create(nullptr, &context);
    if (status == ATTUNE_OK) status = mine_distance(context, &args);
    args.k = &far_k.tensor;
    args.v = &far_v.tensor;
    args.o = &far_o.tensor;
    if (status == ATTUNE_OK) status = mine_distance(context, &args);
    attune_context_destroy(context);
    if (status != ATTUNE_OK) {
        std::printf("%s: %s\n", attune_status_name(status), attune_error_message());
        return 1;
    }
    double error = worst_error(q, k, v, o);
    const bool same =
        std::memcmp(o.data.data(), far_o.data.data(), o.data.size() * sizeof(float)) == 0;
    std::printf("largest error %g, %s\n", error, same ? "the same bits" : "other bits far apart");
    return error < kNear && same ? 0 : 1;
}
