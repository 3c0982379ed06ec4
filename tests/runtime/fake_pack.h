// A kernel pack written by hand: its kernels are plain functions, so that tests of libattune see
// what it hands to generated code and need no code generator.
#pragma once

#include <HalideRuntime.h>
#include <attune_pack.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace fake {

// out[b,l,h,d] = scale x[b,l,h,d] + sum over k < lengths[b] with mask[l,k] of
//                y[b,order[b,k],h Hkv / H,d] + bias[b,h,l,k], plus alibi[b,h] + softcap;
// sums[b,l,h] = sum over d of out.
struct MixArgs {
    size_t struct_size = sizeof(MixArgs);
    DLTensor *x = nullptr, *y = nullptr, *bias = nullptr, *alibi = nullptr, *lengths = nullptr,
             *order = nullptr, *mask = nullptr, *out = nullptr, *sums = nullptr;
    float scale = std::numeric_limits<float>::quiet_NaN();
    int32_t causal = INT32_MIN, mode = INT32_MIN, window = INT32_MIN;
    float softcap = std::numeric_limits<float>::quiet_NaN();
    int32_t shift = INT32_MIN;  // of a later release than the rest
};
enum MixTensor { kX, kY, kBias, kAlibi, kLengths, kOrder, kMask, kOut, kSums };

struct StepArgs {
    size_t struct_size = sizeof(StepArgs);
    DLTensor *x = nullptr, *out = nullptr;
    int32_t step = INT32_MIN;
};

enum Variant { kMix, kStep };
enum Kernel {
    kF32D64Avx2,
    kF32Avx2,
    kF32Baseline,
    kBf16,
    kF16Biased,
    kOpenCl,
    kStepBaseline,
    kStepCuda
};

extern const attune_pack pack;

// Called by each kernel before it computes; what it returns other than 0 the kernel returns.
extern std::function<int(int kernel, void **args)> on_call;

}  // namespace fake

extern "C" {
void *attune_malloc(void *user, size_t bytes);
void attune_free(void *user, void *memory);
int attune_do_par_for(void *user, halide_task_t task, int min, int size, uint8_t *closure);
int attune_do_parallel_tasks(void *user, int tasks, halide_parallel_task_t *task, void *parent);
void attune_error(void *user, const char *message);
void attune_print(void *user, const char *message);
int attune_copy_to_host(void *user, halide_buffer_t *buffer);
int attune_copy_to_device(void *user, halide_buffer_t *buffer,
                          const halide_device_interface_t *device);
const halide_device_interface_t *attune_opencl_device_interface(void);
}
