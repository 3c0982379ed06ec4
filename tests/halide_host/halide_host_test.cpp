// One process with two copies of Halide's runtime: the host's, behind a kernel that it compiled
// with add_halide_library(), and libattune's, behind the pack. Both run the same variant.
#include <HalideBuffer.h>
#include <attune_default.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "halide_dense.h"

namespace {

constexpr int B = 2, L = 97, H = 3, D = 64;

// A tensor that both sides read: the memory order is the logical one.
struct Shared {
    std::vector<int64_t> shape;
    std::vector<float> data;
    DLTensor dl{};
    explicit Shared(std::vector<int64_t> s) : shape(std::move(s)) {
        size_t n = 1;
        for (int64_t extent : shape) n *= size_t(extent);
        data.resize(n);
        dl.data = data.data();
        dl.device = {kDLCPU, 0};
        dl.ndim = int(shape.size());
        dl.dtype = {kDLFloat, 32, 1};
        dl.shape = shape.data();
    }
    Halide::Runtime::Buffer<float> halide() {
        std::vector<int> sizes(shape.rbegin(), shape.rend());
        return Halide::Runtime::Buffer<float>(data.data(), sizes);
    }
};

// What an absent input is for a kernel: one element, repeated.
template <typename T>
struct Repeated {
    T value;
    halide_dimension_t dims[4];
    Halide::Runtime::Buffer<T> buffer;
    Repeated(T v, std::vector<int> sizes) : value(v) {
        for (size_t i = 0; i < sizes.size(); i++) dims[i] = {0, sizes[i], 0};
        buffer = Halide::Runtime::Buffer<T>(&value, int(sizes.size()), dims);
    }
};

TEST(HalideHost, KernelOfTheHostAndOfThePackAgree) {
    Shared q({B, L, H, D}), k({B, L, H, D}), v({B, L, H, D}), o({B, L, H, D}), o2({B, L, H, D});
    Shared lse({B, H, L}), lse2({B, H, L});
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (Shared *t : {&q, &k, &v})
        for (float &x : t->data) x = normal(random);

    attune_context *context = nullptr;
    ASSERT_EQ(attune_context_create(nullptr, &context), ATTUNE_OK);
    attune_dense_args args;
    attune_dense_defaults(&args);
    args.q = &q.dl;
    args.k = &k.dl;
    args.v = &v.dl;
    args.o = &o.dl;
    args.lse = &lse.dl;
    args.causal = 1;
    ASSERT_EQ(attune_default_dense(context, &args), ATTUNE_OK) << attune_error_message();
    attune_context_destroy(context);

    Repeated<float> bias(0, {L, L, H, B}), alibi(0, {H, B}), sink(-INFINITY, {H});
    Repeated<uint8_t> mask(1, {L, L, H, B});
    Repeated<int32_t> length(L, {B}), offset(0, {B});
    // The kernel sees lse in the dimensions of o: D, H, L, B with stride 0 along D.
    halide_dimension_t dims[4] = {{0, D, 0}, {0, H, L}, {0, L, 1}, {0, B, H * L}};
    Halide::Runtime::Buffer<float> lse_view(lse2.data.data(), 4, dims);
    Halide::Runtime::Buffer<float> qb = q.halide(), kb = k.halide(), vb = v.halide();
    Halide::Runtime::Buffer<float> ob = o2.halide();
    ASSERT_EQ(halide_dense(qb, kb, vb, bias.buffer, mask.buffer, alibi.buffer, sink.buffer,
                           length.buffer, length.buffer, offset.buffer, 1 / std::sqrt(float(D)), 1,
                           0, -1, -1, 0, ob, lse_view),
              0);
    for (size_t i = 0; i < o.data.size(); i++) ASSERT_NEAR(o.data[i], o2.data[i], 1e-5) << i;
    for (size_t i = 0; i < lse.data.size(); i++) ASSERT_NEAR(lse.data[i], lse2.data[i], 1e-5) << i;
}

// The host's runtime has its own thread pool and hooks: changing them leaves packs alone.
TEST(HalideHost, HooksOfTheHostAreItsOwn) {
    static int calls = 0;
    halide_set_custom_do_par_for([](void *, halide_task_t, int, int, uint8_t *) {
        calls++;
        return 0;
    });
    Shared q({1, 32, 1, D}), o({1, 32, 1, D});
    q.data.assign(q.data.size(), 1.f);
    attune_context *context = nullptr;
    ASSERT_EQ(attune_context_create(nullptr, &context), ATTUNE_OK);
    attune_dense_args args;
    attune_dense_defaults(&args);
    args.q = args.k = args.v = &q.dl;
    args.o = &o.dl;
    ASSERT_EQ(attune_default_dense(context, &args), ATTUNE_OK) << attune_error_message();
    attune_context_destroy(context);
    halide_set_custom_do_par_for(halide_default_do_par_for);
    EXPECT_EQ(calls, 0);
    for (float x : o.data) ASSERT_NEAR(x, 1.f, 1e-6);
}

}  // namespace
