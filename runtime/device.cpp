#include "device.h"

#include <string.h>

#include "hooks.h"

namespace attune {

static Mutex device_mutex;  // one queue and one set of device allocations in a process

struct DeviceRun {
    Call &call;
    const Arguments &a;
    const attune_kernel &kernel;
    Buffers &buffers;
    void **args;
    const halide_device_interface_t *device;
};

/* Dimensions of stride 0 repeat one element: copied once, not once a repetition. */
class WithoutRepeats {
public:
    explicit WithoutRepeats(halide_buffer_t *buffer) : buffer_(*buffer) {
        for (int d = 0; d < buffer_.dimensions; d++) {
            extent_[d] = buffer_.dim[d].extent;
            if (buffer_.dim[d].stride == 0) buffer_.dim[d].extent = 1;
        }
    }
    ~WithoutRepeats() {
        for (int d = 0; d < buffer_.dimensions; d++) buffer_.dim[d].extent = extent_[d];
    }
    WithoutRepeats(const WithoutRepeats &) = delete;
    WithoutRepeats &operator=(const WithoutRepeats &) = delete;

private:
    halide_buffer_t &buffer_;
    int32_t extent_[ATTUNE_MAX_RANK];
};

/* A code without a message still is a failure. */
static void note(Call &call, int code, const char *what) {
    if (code != 0) call.fail(ATTUNE_DEVICE_FAILED, what);
}

static void upload(DeviceRun &run) {
    for (int i = 0; i < run.a.variant->tensors && !run.call.failed(); i++) {
        if (run.a.variant->tensor[i].output || !run.buffers[i]->host) continue;
        halide_buffer_t *buffer = run.buffers[i];
        WithoutRepeats once(buffer);
        buffer->set_host_dirty();
        note(run.call, attune_copy_to_device(&run.call, buffer, run.device),
             "copying an input to the device failed");
    }
}

static void download(DeviceRun &run) {
    for (int i = 0; i < run.a.variant->tensors && !run.call.failed(); i++) {
        if (!run.a.variant->tensor[i].output || !run.a.tensor[i]) continue;
        halide_buffer_t *buffer = run.buffers[i];
        WithoutRepeats once(buffer);
        note(run.call, attune_copy_to_host(&run.call, buffer),
             "copying an output from the device failed");
    }
}

static void release(DeviceRun &run) {
    for (int i = 0; i < run.a.variant->tensors; i++) {
        if (run.buffers[i]->device) attune_device_free(&run.call, run.buffers[i]);
    }
}

static bool is_reversed(const halide_buffer_t &buffer) {
    for (int d = 0; d < buffer.dimensions; d++) {
        if (buffer.dim[d].stride < 0) return true;
    }
    return false;
}

/* Halide's copies start at the lowest coordinate, not at the lowest address. */
static bool refuse_reversed(DeviceRun &run) {
    for (int i = 0; i < run.a.variant->tensors; i++) {
        if (!is_reversed(*run.buffers[i])) continue;
        char message[160];
        const attune_tensor &t = run.a.variant->tensor[i];
        strcpy(message, "GPU kernels take no negative strides, as of tensor ");
        strncat(message, t.name, 64);
        run.call.fail(ATTUNE_BAD_LAYOUT, message);
        return true;
    }
    return false;
}

void run_on_device(Call &call, const Arguments &a, const attune_kernel &kernel, Buffers &buffers,
                   void **args) {
    const bool cuda = kernel.device == ATTUNE_CUDA;
    DeviceRun run = {
        call,    a,    kernel,
        buffers, args, cuda ? attune_cuda_device_interface() : attune_opencl_device_interface()};
    if (refuse_reversed(run)) return;
    call.on_error = ATTUNE_DEVICE_FAILED;
    Lock lock(device_mutex);
    upload(run);
    if (!call.failed()) run_kernel(call, kernel.call, args);
    download(run);
    release(run);
}

}  // namespace attune
