// Every way to call attune_call wrongly: the status, the message, and outputs untouched.
#include "fixture.h"

struct Bad {
    const char *name;
    attune_status status;
    const char *message;  // a part of it
    std::function<void(MixCall &)> spoil;
};

void PrintTo(const Bad &bad, std::ostream *out) { *out << bad.name; }

class BadInput : public testing::TestWithParam<Bad> {};

TEST_P(BadInput, IsRefused) {
    const Bad &bad = GetParam();
    bool called = false;
    HookGuard hook([&](int, void **) { return called = true, 0; });
    Context context = make_context(options());
    MixCall call;
    call.give_all();
    bad.spoil(call);
    attune_cost cost = {-1, -1, -1};
    int kernel = -1;
    EXPECT_EQ(call.call(context.get()), bad.status);
    EXPECT_NE(std::string(attune_error_message()).find(bad.message), std::string::npos)
        << attune_error_message();
    EXPECT_EQ(attune_call_kernel(context.get(), &fake::pack, 0, &call.args, &kernel), bad.status);
    EXPECT_EQ(kernel, -1);
    if (bad.status != ATTUNE_NO_KERNEL) {
        EXPECT_EQ(attune_call_cost(context.get(), &fake::pack, 0, &call.args, &cost), bad.status);
        EXPECT_EQ(cost.flops, -1);
    }
    EXPECT_FALSE(called);
    EXPECT_TRUE(call.untouched());
}

static const Bad cases[] = {
    {"required_tensor_null", ATTUNE_NULL_ARGUMENT, "mix: tensor 'y' is NULL; it is required",
     [](MixCall &c) { c.args.y = nullptr; }},
    {"output_null", ATTUNE_NULL_ARGUMENT, "tensor 'out' is NULL",
     [](MixCall &c) { c.args.out = nullptr; }},
    {"tensor_needed_by_attribute", ATTUNE_NULL_ARGUMENT,
     "tensor 'alibi' is NULL; mode = max requires it",
     [](MixCall &c) {
         c.args.alibi = nullptr;
         c.args.mode = 1;
     }},
    {"data_null", ATTUNE_NULL_ARGUMENT, "tensor 'x' has data NULL",
     [](MixCall &c) { c.x.dl.data = nullptr; }},
    {"shape_null", ATTUNE_NULL_ARGUMENT, "tensor 'bias' has shape NULL",
     [](MixCall &c) { c.bias.dl.shape = nullptr; }},
    {"struct_size_small", ATTUNE_BAD_VERSION, "mix: struct_size is 16; pack fake expects 104",
     [](MixCall &c) { c.args.struct_size = 16; }},
    {"struct_size_zero", ATTUNE_BAD_VERSION, "struct_size is 0",
     [](MixCall &c) { c.args.struct_size = 0; }},
    {"struct_size_large", ATTUNE_BAD_VERSION, "struct_size is 112",
     [](MixCall &c) { c.args.struct_size = 112; }},
    {"rank", ATTUNE_BAD_RANK, "tensor 'x' has 3 dimensions; expected 4",
     [](MixCall &c) { c.x.dl.ndim = 3; }},
    {"rank_zero", ATTUNE_BAD_RANK, "tensor 'y' has 0 dimensions",
     [](MixCall &c) { c.y.dl.ndim = 0; }},
    {"rank_negative", ATTUNE_BAD_RANK, "has -4 dimensions", [](MixCall &c) { c.y.dl.ndim = -4; }},
    {"rank_huge", ATTUNE_BAD_RANK, "has 1000000 dimensions",
     [](MixCall &c) { c.y.dl.ndim = 1000000; }},
    {"rank_leading", ATTUNE_BAD_RANK, "'alibi' has 0 dimensions; expected 2 or one less",
     [](MixCall &c) { c.alibi.dl.ndim = 0; }},
    {"extent_negative", ATTUNE_BAD_EXTENT, "tensor 'x' has extent -3 in dimension 1; expected 0..",
     [](MixCall &c) { c.x.extent(1) = -3; }},
    {"extent_huge", ATTUNE_BAD_EXTENT, "tensor 'x' has extent 4294967299 in dimension 1",
     [](MixCall &c) { c.x.extent(1) = (int64_t(1) << 32) + 3; }},
    {"extent_conflict", ATTUNE_BAD_EXTENT, "extent D of tensor 'y' is 7; that of 'x' is 8",
     [](MixCall &c) { c.y.extent(3) = 7; }},
    {"extent_of_output", ATTUNE_BAD_EXTENT, "extent Lq of tensor 'out' is 1; that of 'x' is 3",
     [](MixCall &c) { c.out.extent(1) = 1; }},
    {"extent_broadcast", ATTUNE_BAD_EXTENT, "extent H of tensor 'bias' is 2; that of 'x' is 4",
     [](MixCall &c) { c.bias.extent(1) = 2; }},
    {"extent_no_broadcast", ATTUNE_BAD_EXTENT, "extent Lk of tensor 'bias' is 1; that of 'y' is 5",
     [](MixCall &c) { c.bias.extent(3) = 1; }},
    {"rule", ATTUNE_BAD_EXTENT, "mix: H must be a multiple of Hkv; H = 4, Hkv = 3",
     [](MixCall &c) { c.y.extent(2) = 3; }},
    {"rule_zero", ATTUNE_BAD_EXTENT, "H must be a multiple of Hkv; H = 4, Hkv = 0",
     [](MixCall &c) { c.y.extent(2) = 0; }},
    {"dtype_storage", ATTUNE_BAD_DTYPE, "tensor 'x' has dtype i32; expected f32, f16 or bf16",
     [](MixCall &c) { c.x.dl.dtype = kI32; }},
    {"dtype_mixed", ATTUNE_BAD_DTYPE, "tensor 'y' has dtype f16; 'x' has f32",
     [](MixCall &c) { c.y.dl.dtype = kF16; }},
    {"dtype_index", ATTUNE_BAD_DTYPE,
     "'lengths' has dtype DLPack code 0, 64 bits, 1 lanes; "
     "expected i32",
     [](MixCall &c) { c.lengths.dl.dtype = kI64; }},
    {"dtype_lanes", ATTUNE_BAD_DTYPE, "2 lanes", [](MixCall &c) { c.x.dl.dtype.lanes = 2; }},
    {"dtype_output", ATTUNE_BAD_DTYPE, "tensor 'sums' has dtype bf16; expected f32",
     [](MixCall &c) { c.sums.dl.dtype = kBf16; }},
    {"device", ATTUNE_BAD_DEVICE, "tensor 'x' is on DLPack device type 2; expected 1 (host memory)",
     [](MixCall &c) { c.x.dl.device.device_type = kDLCUDA; }},
    {"innermost_stride", ATTUNE_BAD_LAYOUT, "tensor 'x' has innermost stride 2; expected 1",
     [](MixCall &c) {
         c.x.set_strides({192, 64, 16, 2});
     }},
    {"innermost_stride_zero", ATTUNE_BAD_LAYOUT, "innermost stride 0; expected 1",
     [](MixCall &c) {
         c.x.set_strides({96, 32, 8, 0});
     }},
    {"misaligned", ATTUNE_BAD_LAYOUT, "expected a multiple of 4 bytes",
     [](MixCall &c) { c.x.dl.byte_offset = 2; }},
    {"stride_overflow", ATTUNE_BAD_LAYOUT, "tensor 'x' spans more than 2147483647 elements",
     [](MixCall &c) {
         c.x.set_strides({96, INT64_MAX, 8, 1});
     }},
    {"stride_sum_overflow", ATTUNE_BAD_LAYOUT, "tensor 'x' spans more than",
     [](MixCall &c) {
         c.x.set_strides({INT64_MAX, INT64_MAX / 2, 8, 1});
     }},
    {"stride_32_bits", ATTUNE_BAD_LAYOUT, "tensor 'x' spans more than",
     [](MixCall &c) {
         c.x.set_strides({96, int64_t(1) << 31, 8, 1});
     }},
    {"stride_minimum", ATTUNE_BAD_LAYOUT, "tensor 'x' spans more than",
     [](MixCall &c) {
         c.x.set_strides({96, INT64_MIN, 8, 1});
     }},
    {"address_wraps", ATTUNE_BAD_LAYOUT, "tensor 'x' spans more than",
     [](MixCall &c) { c.x.dl.data = reinterpret_cast<void *>(UINTPTR_MAX - 63); }},
    {"offset_wraps", ATTUNE_BAD_LAYOUT, "tensor 'x' spans more than",
     [](MixCall &c) { c.x.dl.byte_offset = UINT64_MAX - 63; }},
    {"output_folds", ATTUNE_BAD_OVERLAP, "elements of output 'out' overlap each other",
     [](MixCall &c) {
         c.out.set_strides({0, 32, 8, 1});
     }},
    {"output_half_folds", ATTUNE_BAD_OVERLAP, "elements of output 'out' overlap each other",
     [](MixCall &c) {
         c.out.set_strides({96, 32, 4, 1});
     }},
    {"overlap_input", ATTUNE_BAD_OVERLAP, "overlaps input 'x' at",
     [](MixCall &c) { c.x.dl.data = c.out.data() + 64; }},
    {"overlap_input_below", ATTUNE_BAD_OVERLAP, "overlaps input 'alibi' at",
     [](MixCall &c) { c.alibi.dl.data = c.out.data() + 191; }},
    {"overlap_output", ATTUNE_BAD_OVERLAP, "output 'out' at bytes",
     [](MixCall &c) { c.sums.dl.data = c.out.data() + 100; }},
    {"overlap_negative_stride", ATTUNE_BAD_OVERLAP, "overlaps input 'x'",
     [](MixCall &c) {
         c.x.dl.data = c.out.data() + 192;
         c.x.set_strides({-96, 32, 8, 1});
     }},
    {"attribute_low", ATTUNE_BAD_VALUE, "attribute 'window' = 0; expected 1..1e+06",
     [](MixCall &c) { c.args.window = 0; }},
    {"attribute_high", ATTUNE_BAD_VALUE, "attribute 'softcap' = 101; expected 0..100",
     [](MixCall &c) { c.args.softcap = 101; }},
    {"attribute_infinite", ATTUNE_BAD_VALUE, "attribute 'softcap' = inf",
     [](MixCall &c) { c.args.softcap = INFINITY; }},
    {"flag", ATTUNE_BAD_VALUE, "attribute 'causal' = 2; expected 0..1",
     [](MixCall &c) { c.args.causal = 2; }},
    {"enumeration", ATTUNE_BAD_VALUE, "attribute 'mode' = 2; expected 0..1",
     [](MixCall &c) { c.args.mode = 2; }},
    {"index_high", ATTUNE_BAD_VALUE, "tensor 'lengths' holds 6 at [1]; expected 0..5",
     [](MixCall &c) { c.lengths.data<int32_t>()[1] = 6; }},
    {"index_low", ATTUNE_BAD_VALUE, "tensor 'lengths' holds -1",
     [](MixCall &c) { c.lengths.data<int32_t>()[0] = -1; }},
    {"permutation_twice", ATTUNE_BAD_VALUE, "tensor 'order' holds 2 twice, again at [1, 4]",
     [](MixCall &c) { c.order.data<int32_t>()[9] = 2; }},
    {"permutation_range", ATTUNE_BAD_VALUE, "tensor 'order' holds 5 at [0, 4]",
     [](MixCall &c) { c.order.data<int32_t>()[4] = 5; }},
    {"permutation_minimum", ATTUNE_BAD_VALUE, "tensor 'order' holds -2147483648",
     [](MixCall &c) { c.order.data<int32_t>()[0] = INT32_MIN; }},
    {"no_kernel_attribute", ATTUNE_NO_KERNEL,
     "mix: no kernel of pack fake takes attribute softcap = 15 (pack: 0..10)",
     [](MixCall &c) { c.args.softcap = 15; }},
};

INSTANTIATE_TEST_SUITE_P(Call, BadInput, testing::ValuesIn(cases),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(BadCall, Pointers) {
    Context context = make_context(options());
    MixCall call;
    attune_cost cost;
    int kernel;
    EXPECT_EQ(attune_call(nullptr, &fake::pack, 0, &call.args), ATTUNE_NULL_ARGUMENT);
    EXPECT_STREQ(attune_error_message(), "context is NULL");
    EXPECT_EQ(attune_call(context.get(), nullptr, 0, &call.args), ATTUNE_NULL_ARGUMENT);
    EXPECT_STREQ(attune_error_message(), "pack is NULL");
    EXPECT_EQ(attune_call(context.get(), &fake::pack, 0, nullptr), ATTUNE_NULL_ARGUMENT);
    EXPECT_STREQ(attune_error_message(), "mix: args is NULL");
    EXPECT_EQ(attune_call_cost(context.get(), &fake::pack, 0, &call.args, nullptr),
              ATTUNE_NULL_ARGUMENT);
    EXPECT_EQ(attune_call_kernel(context.get(), &fake::pack, 0, &call.args, nullptr),
              ATTUNE_NULL_ARGUMENT);
    EXPECT_EQ(attune_call_cost(nullptr, &fake::pack, 0, &call.args, &cost), ATTUNE_NULL_ARGUMENT);
    EXPECT_EQ(attune_call_kernel(context.get(), &fake::pack, 0, nullptr, &kernel),
              ATTUNE_NULL_ARGUMENT);
    EXPECT_TRUE(call.untouched());
}

TEST(BadCall, Variant) {
    Context context = make_context(options());
    MixCall call;
    for (int variant : {-1, 2, INT32_MAX}) {
        EXPECT_EQ(attune_call(context.get(), &fake::pack, variant, &call.args),
                  ATTUNE_UNKNOWN_NAME);
        EXPECT_NE(std::string(attune_error_message()).find("it has 0..1"), std::string::npos);
    }
}

TEST(BadCall, PackOfAnotherAbi) {
    Context context = make_context(options());
    MixCall call;
    attune_pack other = fake::pack;
    other.abi_version = 99;
    EXPECT_EQ(attune_call(context.get(), &other, 0, &call.args), ATTUNE_BAD_PACK);
    EXPECT_STREQ(attune_error_message(), "the pack has ABI version 99; this library has 3");
}

TEST(BadCall, RequiredAttribute) {
    Context context = make_context(options());
    Tensor x{6, 4}, out{6, 4};
    fake::StepArgs args;
    args.x = &x.dl;
    args.out = &out.dl;
    const auto call = [&] { return attune_call(context.get(), &fake::pack, fake::kStep, &args); };
    EXPECT_EQ(call(), ATTUNE_BAD_VALUE);
    EXPECT_STREQ(attune_error_message(), "step: attribute 'step' is not given; it is required");
    args.step = 4;
    EXPECT_EQ(call(), ATTUNE_BAD_EXTENT);
    EXPECT_STREQ(attune_error_message(), "step: L must be a multiple of step; L = 6, step = 4");
    args.step = 3;
    EXPECT_EQ(call(), ATTUNE_OK);
}

TEST(BadCall, CostWithoutAFormula) {
    Context context = make_context(options());
    Tensor x{6, 4}, out{6, 4};
    fake::StepArgs args;
    args.x = &x.dl;
    args.out = &out.dl;
    args.step = 1;
    attune_cost cost;
    EXPECT_EQ(attune_call_cost(context.get(), &fake::pack, fake::kStep, &args, &cost),
              ATTUNE_NO_KERNEL);
}
