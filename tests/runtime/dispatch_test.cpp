// What kernels get, and which kernel a call gets.
#include <cstring>

#include "fixture.h"

TEST(Call, ComputesWithEverythingGiven) {
    Context context = make_context(options());
    MixCall call;
    call.give_all();
    ASSERT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    call.check();
}

TEST(Call, AbsentInputsHaveTheirValue) {
    Context context = make_context(options());
    MixCall call;
    ASSERT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    call.check();
}

TEST(Call, AbsentOutputGoesToScratch) {
    Context context = make_context(options());
    MixCall call;
    call.args.sums = nullptr;
    ASSERT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    call.check();
}

TEST(Call, StridesPermuteAndReverse) {
    Context context = make_context(options());
    MixCall call, permuted;
    // x lies in memory as b, h, l, d; y with its keys reversed.
    for (int i = 0; i < 192; i++) {
        const int d = i % 8, h = i / 8 % 4, l = i / 32 % 3, b = i / 96;
        permuted.x.data()[((b * 4 + h) * 3 + l) * 8 + d] = call.x.data()[i];
    }
    permuted.x.set_strides({96, 8, 24, 1});
    for (int i = 0; i < 160; i++) {
        const int k = i / 16 % 5;
        permuted.y.data()[i + (4 - 2 * k) * 16] = call.y.data()[i];
    }
    permuted.y.set_strides({80, -16, 8, 1});
    permuted.y.dl.byte_offset = 64 * 4;
    permuted.out.set_strides({96, 8, 24, 1});
    ASSERT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    ASSERT_EQ(permuted.call(context.get()), ATTUNE_OK) << attune_error_message();
    for (int i = 0; i < 192; i++) {
        const int d = i % 8, h = i / 8 % 4, l = i / 32 % 3, b = i / 96;
        ASSERT_EQ(permuted.out.data()[((b * 4 + h) * 3 + l) * 8 + d], call.out.data()[i]);
    }
}

TEST(Call, BroadcastAndLeadingDimensions) {
    Context context = make_context(options());
    MixCall whole, one;
    whole.give_all();
    one.give_all();
    for (int i = 0; i < 120; i++) whole.bias.data()[i] = one.bias.data()[i % 5];
    for (int i = 0; i < 8; i++) whole.alibi.data()[i] = one.alibi.data()[i % 4];
    Tensor bias{1, 1, 1, 5}, alibi{4};
    memcpy(bias.data(), one.bias.data(), 20);
    memcpy(alibi.data(), one.alibi.data(), 16);
    one.args.bias = &bias.dl;
    one.args.alibi = &alibi.dl;
    ASSERT_EQ(whole.call(context.get()), ATTUNE_OK) << attune_error_message();
    ASSERT_EQ(one.call(context.get()), ATTUNE_OK) << attune_error_message();
    EXPECT_EQ(memcmp(whole.out.data(), one.out.data(), 192 * 4), 0);
}

TEST(Call, BuffersAreInnermostFirst) {
    Context context = make_context(options());
    MixCall call;
    HookGuard hook([&](int, void **args) {
        const auto *x = static_cast<halide_buffer_t *>(args[1]);
        EXPECT_EQ(x->dimensions, 4);
        EXPECT_EQ(x->type, halide_type_t(halide_type_float, 32));
        const int extents[] = {8, 4, 3, 2}, strides[] = {1, 8, 32, 96};
        for (int d = 0; d < 4; d++) {
            EXPECT_EQ(x->dim[d].min, 0);
            EXPECT_EQ(x->dim[d].extent, extents[d]);
            EXPECT_EQ(x->dim[d].stride, strides[d]);
        }
        const auto *bias = static_cast<halide_buffer_t *>(args[3]);
        EXPECT_EQ(bias->dim[0].extent, 5);  // absent: the symbols' extents, one element
        for (int d = 0; d < 4; d++) EXPECT_EQ(bias->dim[d].stride, 0);
        const auto *sums = static_cast<halide_buffer_t *>(args[15]);
        EXPECT_EQ(sums->dimensions, 4);  // those of the first output
        EXPECT_EQ(sums->dim[0].stride, 0);
        EXPECT_EQ(sums->dim[1].stride, 1);
        EXPECT_EQ(sums->dim[3].stride, 12);
        EXPECT_EQ(*static_cast<float *>(args[8]), 1 / std::sqrt(8.f));
        EXPECT_EQ(*static_cast<int32_t *>(args[11]), 5);  // window: Lk
        EXPECT_EQ(*static_cast<int32_t *>(args[13]), 5);  // shift: window
        return 0;
    });
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
}

TEST(Call, SixteenBitStorage) {
    Context context = make_context(options());
    Tensor x({2, 3, 4, 8}, kBf16), y({2, 5, 2, 8}, kBf16), out({2, 3, 4, 8}, kBf16);
    fake::MixArgs args;
    args.x = &x.dl;
    args.y = &y.dl;
    args.out = &out.dl;
    int kernel = -1;
    HookGuard hook([&](int k, void **argv) {
        kernel = k;
        const auto *b = static_cast<halide_buffer_t *>(argv[1]);
        EXPECT_EQ(b->type, halide_type_t(halide_type_bfloat, 16));
        return 0;
    });
    EXPECT_EQ(attune_call(context.get(), &fake::pack, 0, &args), ATTUNE_OK);
    EXPECT_EQ(kernel, fake::kBf16);
    Tensor mask({3, 5}, kU8);
    args.mask = &mask.dl;
    EXPECT_EQ(attune_call(context.get(), &fake::pack, 0, &args), ATTUNE_NO_KERNEL);
    EXPECT_STREQ(attune_error_message(), "mix: no kernel of pack fake takes tensor 'mask'");
    x.dl.dtype = y.dl.dtype = out.dl.dtype = kF16;
    EXPECT_EQ(attune_call(context.get(), &fake::pack, 0, &args), ATTUNE_NO_KERNEL);
    EXPECT_STREQ(attune_error_message(), "mix: no kernel of pack fake does without tensor 'bias'");
    Tensor bias({2, 4, 3, 5});
    args.bias = &bias.dl;
    args.mask = nullptr;
    fake::on_call = [&](int k, void **) { return kernel = k, 0; };
    EXPECT_EQ(attune_call(context.get(), &fake::pack, 0, &args), ATTUNE_OK);
    EXPECT_EQ(kernel, fake::kF16Biased);
}

TEST(Call, ZeroExtents) {
    Context context = make_context(options());
    int calls = 0;
    HookGuard hook([&](int, void **) { return calls++, 0; });
    MixCall empty;
    empty.x.extent(1) = empty.out.extent(1) = empty.sums.extent(1) = 0;
    empty.x.dl.data = empty.out.dl.data = nullptr;
    EXPECT_EQ(empty.call(context.get()), ATTUNE_OK) << attune_error_message();
    EXPECT_EQ(calls, 0);
    MixCall keyless;
    keyless.y.extent(1) = 0;
    keyless.y.dl.data = nullptr;
    keyless.args.scale = 2;
    ASSERT_EQ(keyless.call(context.get()), ATTUNE_OK) << attune_error_message();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(keyless.out.data()[10], 2 * keyless.x.data()[10]);
}

TEST(Call, SingleElementsHaveAnyStride) {
    Context context = make_context(options());
    MixCall call;
    Tensor x{2, 3, 4, 1}, y{2, 5, 2, 1}, out{2, 3, 4, 1};
    x.set_strides({12, 4, 1, INT64_MIN});
    call.args.x = &x.dl;
    call.args.y = &y.dl;
    call.args.out = &out.dl;
    HookGuard hook([](int, void **args) {
        EXPECT_EQ(static_cast<halide_buffer_t *>(args[1])->dim[0].stride, 1);
        return 0;
    });
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
}

TEST(Call, OlderStructLacksTheNewestAttribute) {
    Context context = make_context(options());
    MixCall call;
    call.args.struct_size = offsetof(fake::MixArgs, shift);
    call.args.shift = 7;
    HookGuard hook([](int, void **args) {
        EXPECT_EQ(*static_cast<int32_t *>(args[13]), 5);
        return 0;
    });
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
}

TEST(Call, KernelFailureIsReported) {
    Context context = make_context(options());
    MixCall call;
    HookGuard hook([](int, void **args) {
        attune_error(*static_cast<void **>(args[0]), "first\nline");
        attune_error(*static_cast<void **>(args[0]), "second");
        return -7;
    });
    EXPECT_EQ(call.call(context.get()), ATTUNE_INTERNAL);
    EXPECT_STREQ(attune_error_message(), "mix_f32_x86-64: first line");
    fake::on_call = [](int, void **) { return -7; };
    EXPECT_EQ(call.call(context.get()), ATTUNE_INTERNAL);
    EXPECT_STREQ(attune_error_message(), "mix_f32_x86-64: the kernel returned -7");
    fake::on_call = [](int, void **args) {
        return attune_do_parallel_tasks(*static_cast<void **>(args[0]), 0, nullptr, nullptr);
    };
    EXPECT_EQ(call.call(context.get()), ATTUNE_INTERNAL);
}

TEST(Call, Cost) {
    Context context = make_context(options());
    MixCall call;
    call.args.scale = 4;
    attune_cost cost;
    ASSERT_EQ(attune_call_cost(context.get(), &fake::pack, 0, &call.args, &cost), ATTUNE_OK);
    EXPECT_EQ(cost.pairs, 3);
    EXPECT_EQ(cost.flops, 4);
    EXPECT_EQ(cost.bytes, 4 * 192);
    EXPECT_TRUE(call.untouched());
}

static int chosen(const attune_options &o, MixCall &call) {
    int kernel = -1;
    Context context = make_context(o);
    const attune_status status =
        attune_call_kernel(context.get(), &fake::pack, fake::kMix, &call.args, &kernel);
    EXPECT_EQ(status == ATTUNE_OK, kernel >= 0);
    return kernel;
}

static void widen(MixCall &call, Tensor &x, Tensor &y, Tensor &out) {
    call.args.x = &x.dl;
    call.args.y = &y.dl;
    call.args.out = &out.dl;
}

TEST(Choice, FirstWhoseConditionsHold) {
    if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "needs AVX2";
    Tensor x{2, 3, 4, 64}, y{2, 5, 2, 64}, out{2, 3, 4, 64};
    MixCall narrow, wide;
    widen(wide, x, y, out);
    EXPECT_EQ(chosen(options(1, "avx2"), narrow), fake::kF32Avx2);
    EXPECT_EQ(chosen(options(1, "avx2"), wide), fake::kF32D64Avx2);
    wide.args.bias = &wide.bias.dl;
    EXPECT_EQ(chosen(options(1, "avx2"), wide), fake::kF32Avx2);
    EXPECT_EQ(chosen(options(1, "x86-64"), wide), fake::kF32Baseline);
}

TEST(Choice, FallsBackToLowerTiers) {
    if (!__builtin_cpu_supports("avx512vl")) GTEST_SKIP() << "needs AVX-512";
    MixCall call;
    EXPECT_EQ(chosen(options(1, "avx512"), call), fake::kF32Avx2);
    EXPECT_EQ(chosen(options(1, "host"), call), fake::kF32Avx2);
    attune_options filtered = options(1, "avx512");
    filtered.kernel = "x86-64";
    EXPECT_EQ(chosen(filtered, call), fake::kF32Baseline);
}

TEST(Choice, FilterThatNothingMatches) {
    attune_options filtered = options();
    filtered.kernel = "tile99";
    Context context = make_context(filtered);
    MixCall call;
    EXPECT_EQ(call.call(context.get()), ATTUNE_NO_KERNEL);
    EXPECT_STREQ(attune_error_message(),
                 "mix: pack fake has no kernel for target x86-64 and f32 whose name contains "
                 "tile99");
    EXPECT_TRUE(call.untouched());
}

TEST(Choice, ReasonIsTheMostGeneralKernels) {
    if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "needs AVX2";
    Context context = make_context(options(1, "avx2"));
    MixCall call;
    Tensor y{2, 5000, 2, 8};
    call.args.y = &y.dl;
    EXPECT_EQ(call.call(context.get()), ATTUNE_NO_KERNEL);
    EXPECT_STREQ(attune_error_message(),
                 "mix: no kernel of pack fake takes extent Lk = 5000 (pack: 0..4096)");
}

TEST(Choice, CpuContextsNeverTakeGpuKernels) {
    attune_options filtered = options();
    filtered.kernel = "opencl";
    Context context = make_context(filtered);
    MixCall call;
    EXPECT_EQ(call.call(context.get()), ATTUNE_NO_KERNEL);
    Context cuda = make_context(options(1, "cuda"));
    EXPECT_EQ(call.call(cuda.get()), ATTUNE_NO_KERNEL);
    EXPECT_STREQ(attune_error_message(), "mix: pack fake has no kernel for target cuda and f32");
}
