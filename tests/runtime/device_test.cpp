// A GPU kernel's data on its way there and back, through whatever OpenCL this machine has. With
// ATTUNE_TEST_NO_DRIVER in the environment, the same calls must fail as documented.
#include <cstdlib>

#include "fixture.h"

static bool without_driver() { return getenv("ATTUNE_TEST_NO_DRIVER") != nullptr; }

TEST(Device, HostTensorsTravel) {
    Context context = make_context(options(1, "opencl"));
    MixCall call;
    call.give_all();
    bool called = false;
    HookGuard hook([&](int kernel, void **args) {
        called = true;
        EXPECT_EQ(kernel, fake::kOpenCl);
        EXPECT_NE(static_cast<halide_buffer_t *>(args[1])->device, 0u);
        return 0;
    });
    const attune_status status = call.call(context.get());
    if (status == ATTUNE_DEVICE_FAILED) {
        EXPECT_NE(std::string(attune_error_message()), "");
        EXPECT_FALSE(called);
        EXPECT_TRUE(call.untouched());
        if (!without_driver()) GTEST_SKIP() << attune_error_message();
        return;
    }
    ASSERT_FALSE(without_driver());
    ASSERT_EQ(status, ATTUNE_OK) << attune_error_message();
    EXPECT_TRUE(called);
    call.check();
    for (int i = 0; i < 3; i++) ASSERT_EQ(call.call(context.get()), ATTUNE_OK);
}

TEST(Device, FailureLeavesOutputsAlone) {
    Context context = make_context(options(1, "opencl"));
    MixCall call;
    HookGuard hook([](int, void **) { return -9; });
    EXPECT_EQ(call.call(context.get()), ATTUNE_DEVICE_FAILED);
    EXPECT_TRUE(call.untouched());
}

TEST(Device, NegativeStrides) {
    Context context = make_context(options(1, "opencl"));
    MixCall call;
    call.y.set_strides({80, -16, 8, 1});
    call.y.dl.byte_offset = 64 * 4;
    EXPECT_EQ(call.call(context.get()), ATTUNE_BAD_LAYOUT);
    EXPECT_NE(std::string(attune_error_message()).find("tensor y"), std::string::npos)
        << attune_error_message();
    EXPECT_TRUE(call.untouched());
}

// With a driver the kernel fails, without one the call does not get that far.
TEST(Device, CudaFailureIsAStatus) {
    Context context = make_context(options(1, "cuda"));
    Tensor x{6, 4}, out{6, 4};
    fake::StepArgs args;
    args.x = &x.dl;
    args.out = &out.dl;
    args.step = 1;
    out.fill(-77.f, 0.f);
    HookGuard hook([](int, void **) { return -9; });
    EXPECT_EQ(attune_call(context.get(), &fake::pack, fake::kStep, &args), ATTUNE_DEVICE_FAILED);
    EXPECT_EQ(std::string(attune_error_message()).find("step_f32_cuda: "), 0u);
    for (int i = 0; i < 24; i++) ASSERT_EQ(out.data()[i], -77);
}
