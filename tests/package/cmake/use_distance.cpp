// Calls the variant of distance.cpp and compares with a plain loop.
#include <mine.h>

#include <cmath>
#include <cstdio>
#include <vector>

namespace {

constexpr int kLength = 37, kHeads = 2, kWidth = 64;
constexpr float kSlope = 0.25f;
// Linking is what is tested here: a kernel that ran is far nearer, another one far away.
constexpr double kNear = 1e-5;

struct Array {
    std::vector<float> data;
    int64_t shape[4] = {1, kLength, kHeads, kWidth};
    DLTensor tensor = {};

    explicit Array(unsigned seed) : data(kLength * kHeads * kWidth) {
        for (float &x : data) x = float((seed = seed * 1664525u + 1013904223u) >> 8) / (1 << 24);
        tensor.data = data.data();
        tensor.device = {kDLCPU, 0};
        tensor.ndim = 4;
        tensor.dtype = {kDLFloat, 32, 1};
        tensor.shape = shape;
    }
    const float *row(int i, int h) const { return &data[size_t((i * kHeads + h) * kWidth)]; }
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
    Array q(1), k(2), v(3), o(4);
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
    attune_context_destroy(context);
    if (status != ATTUNE_OK) {
        std::printf("%s: %s\n", attune_status_name(status), attune_error_message());
        return 1;
    }
    double error = worst_error(q, k, v, o);
    std::printf("largest error %g\n", error);
    return error < kNear ? 0 : 1;
}
