#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "fake_pack.h"

// A compact tensor with memory of its own.
class Tensor {
public:
    Tensor(std::initializer_list<int64_t> shape, DLDataType type = {kDLFloat, 32, 1})
        : shape_(shape) {
        int64_t elements = 1;
        for (int64_t extent : shape_) elements *= extent > 0 ? extent : 0;
        bytes_.resize(size_t(elements) * type.bits / 8 + 64);
        const size_t misaligned = reinterpret_cast<uintptr_t>(bytes_.data()) % 64;
        dl.data = bytes_.data() + (misaligned ? 64 - misaligned : 0);
        dl.device = {kDLCPU, 0};
        dl.ndim = int(shape_.size());
        dl.dtype = type;
        dl.shape = shape_.data();
        dl.strides = nullptr;
        dl.byte_offset = 0;
        elements_ = elements;
    }
    Tensor(const Tensor &) = delete;

    template <typename T = float>
    T *data() {
        return static_cast<T *>(dl.data);
    }
    int64_t elements() const { return elements_; }
    void set_strides(std::initializer_list<int64_t> strides) {
        strides_ = strides;
        dl.strides = strides_.data();
    }
    template <typename T = float>
    void fill(T first, T step) {
        for (int64_t i = 0; i < elements_; i++) data<T>()[i] = T(first + T(i) * step);
    }
    int64_t &extent(int d) { return shape_[size_t(d)]; }

    DLTensor dl;

private:
    std::vector<int64_t> shape_, strides_;
    std::vector<uint8_t> bytes_;
    int64_t elements_;
};

constexpr DLDataType kF32 = {kDLFloat, 32, 1}, kF16 = {kDLFloat, 16, 1}, kBf16 = {kDLBfloat, 16, 1},
                     kI32 = {kDLInt, 32, 1}, kI64 = {kDLInt, 64, 1}, kU8 = {kDLUInt, 8, 1};

// A call of the variant "mix" that is right: B 2, Lq 3, Lk 5, H 4, Hkv 2, D 8.
struct MixCall {
    Tensor x{2, 3, 4, 8}, y{2, 5, 2, 8}, bias{2, 4, 3, 5}, alibi{2, 4}, lengths{{2}, kI32},
        order{{2, 5}, kI32}, mask{{3, 5}, kU8}, out{2, 3, 4, 8}, sums{2, 3, 4};
    fake::MixArgs args;

    MixCall() {
        x.fill(1.f, 0.5f);
        y.fill(-2.f, 0.25f);
        bias.fill(0.f, 0.125f);
        alibi.fill(3.f, 1.f);
        lengths.fill<int32_t>(5, -2);
        for (int i = 0; i < 10; i++) order.data<int32_t>()[i] = (i * 2) % 5;
        for (int i = 0; i < 15; i++) mask.data<uint8_t>()[i] = i % 3 != 0;
        out.fill(-77.f, 0.f);
        sums.fill(-77.f, 0.f);
        args.x = &x.dl;
        args.y = &y.dl;
        args.out = &out.dl;
        args.sums = &sums.dl;
    }
    void give_all() {
        args.bias = &bias.dl;
        args.alibi = &alibi.dl;
        args.lengths = &lengths.dl;
        args.order = &order.dl;
        args.mask = &mask.dl;
    }
    bool untouched() {
        for (int i = 0; i < out.elements(); i++) {
            if (out.data()[i] != -77) return false;
        }
        for (int i = 0; i < sums.elements(); i++) {
            if (sums.data()[i] != -77) return false;
        }
        return true;
    }
    attune_status call(attune_context *context) {
        return attune_call(context, &fake::pack, fake::kMix, &args);
    }
    // What the call must write, by the formula and without strides.
    float expected(int b, int l, int h, int d) {
        const bool every = args.bias != nullptr;
        float sum = (std::isnan(args.scale) ? 1 / std::sqrt(8.f) : args.scale) *
                    x.data()[((b * 3 + l) * 4 + h) * 8 + d];
        if (every) sum += alibi.data()[b * 4 + h];
        const int keys = every ? lengths.data<int32_t>()[b] : 5;
        for (int k = 0; k < keys; k++) {
            if (every && !mask.data<uint8_t>()[l * 5 + k]) continue;
            const int key = every ? order.data<int32_t>()[b * 5 + k] : k;
            sum += y.data()[((b * 5 + key) * 2 + h / 2) * 8 + d];
            if (every) sum += bias.data()[((b * 4 + h) * 3 + l) * 5 + k];
        }
        return sum;
    }
    void check() {
        for (int b = 0; b < 2; b++) {
            for (int l = 0; l < 3; l++) {
                for (int h = 0; h < 4; h++) check_head(b, l, h);
            }
        }
    }

private:
    void check_head(int b, int l, int h) {
        float total = 0;
        for (int d = 0; d < 8; d++) {
            const float value = expected(b, l, h, d);
            total += value;
            ASSERT_FLOAT_EQ(out.data()[((b * 3 + l) * 4 + h) * 8 + d], value);
        }
        if (!args.sums) return;
        ASSERT_FLOAT_EQ(sums.data()[(b * 3 + l) * 4 + h], total);
    }
};

struct ContextDeleter {
    void operator()(attune_context *context) const { attune_context_destroy(context); }
};
using Context = std::unique_ptr<attune_context, ContextDeleter>;

inline attune_options options(int threads = 1, const char *target = "x86-64") {
    attune_options o;
    attune_options_defaults(&o);
    o.threads = threads;
    o.target = target;
    return o;
}

inline Context make_context(const attune_options &o) {
    attune_context *context = nullptr;
    EXPECT_EQ(attune_context_create(&o, &context), ATTUNE_OK) << attune_error_message();
    return Context(context);
}

struct HookGuard {
    explicit HookGuard(std::function<int(int, void **)> hook) { fake::on_call = std::move(hook); }
    ~HookGuard() { fake::on_call = nullptr; }
};
