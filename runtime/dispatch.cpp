/* attune_call and its relatives: check, choose, run. All memory is on the stack or scratch. */
#include "buffers.h"
#include "call.h"
#include "choice.h"
#include "device.h"
#include "error.h"

namespace attune {

/* The argument list of generated code. */
class Argv {
public:
    Argv(Call &call, Arguments &a, Buffers &buffers) : user_(&call) {
        add(&user_);  // generated code takes a pointer to each scalar, this one too
        for (int i = 0; i < a.variant->tensors; i++) {
            if (!a.variant->tensor[i].output) add(buffers[i]);
        }
        for (int i = 0; i < a.variant->attributes; i++) add(&a.attribute[i]);
    }
    Argv(const Argv &) = delete;
    Argv &operator=(const Argv &) = delete;

    void add(void *argument) { argument_[count_++] = argument; }
    void **get() { return argument_; }

private:
    void *user_;
    void *argument_[2 + ATTUNE_MAX_TENSORS + ATTUNE_MAX_ATTRIBUTES];
    int count_ = 0;
};

static attune_status report(const Call &call, const char *what) {
    if (!call.failed()) return ATTUNE_OK;
    return fail(call.status(), "%s: %s", what, call.message());
}

static attune_status run(Arguments &a, const attune_kernel &kernel) {
    Buffers buffers(a);
    buffers.make_inputs();
    if (attune_status status = buffers.make_outputs()) return status;
    Call call(a.context);
    Argv argv(call, a, buffers);
    for (int i = 0; i < a.variant->tensors; i++) {
        if (a.variant->tensor[i].output) argv.add(buffers[i]);
    }
    if (kernel.device == ATTUNE_CPU) {
        run_kernel(call, kernel.call, argv.get());
    } else {
        run_on_device(call, a, kernel, buffers, argv.get());
    }
    return report(call, kernel.name);
}

static attune_status run_cost(Arguments &a, attune_cost *cost) {
    Buffers buffers(a);
    buffers.make_inputs();
    Call call(a.context);
    Argv argv(call, a, buffers);
    const int dtype = a.storage == ATTUNE_STORAGE ? int(ATTUNE_F32) : a.storage;
    int32_t size = element_size(dtype);
    double numbers[3] = {};
    halide_dimension_t dim(0, 3, 1);
    halide_buffer_t result = {};
    result.host = reinterpret_cast<uint8_t *>(numbers);
    result.type = halide_type_t(halide_type_float, 64);
    result.dimensions = 1;
    result.dim = &dim;
    argv.add(&size);
    argv.add(&result);
    run_kernel(call, a.variant->cost, argv.get());
    *cost = {numbers[0], numbers[1], numbers[2]};
    return report(call, a.variant->name);
}

}  // namespace attune

extern "C" {

attune_status attune_call(attune_context *context, const attune_pack *pack, int variant,
                          const void *args) {
    attune::Arguments a;
    int kernel;
    if (attune_status s = attune::check_arguments(context, pack, variant, args, &a)) return s;
    if (a.nothing_to_do) return ATTUNE_OK;
    if (attune_status s = attune::choose_kernel(a, &kernel)) return s;
    return attune::run(a, pack->kernel[kernel]);
}

attune_status attune_call_cost(attune_context *context, const attune_pack *pack, int variant,
                               const void *args, attune_cost *cost) {
    attune::Arguments a;
    if (attune_status s = attune::check_arguments(context, pack, variant, args, &a)) return s;
    if (!cost) return attune::fail(ATTUNE_NULL_ARGUMENT, "%s: cost is NULL", a.variant->name);
    if (!a.variant->cost) {
        return attune::fail(ATTUNE_NO_KERNEL, "%s: pack %s has no cost of it", a.variant->name,
                            pack->name);
    }
    return attune::run_cost(a, cost);
}

attune_status attune_call_kernel(attune_context *context, const attune_pack *pack, int variant,
                                 const void *args, int *kernel) {
    attune::Arguments a;
    if (attune_status s = attune::check_arguments(context, pack, variant, args, &a)) return s;
    if (!kernel) return attune::fail(ATTUNE_NULL_ARGUMENT, "%s: kernel is NULL", a.variant->name);
    return attune::choose_kernel(a, kernel);
}

}  // extern "C"
