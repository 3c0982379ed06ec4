#include "context.h"

#include <stdlib.h>
#include <string.h>

#include <new>

#include "error.h"

namespace attune {

static constexpr int kMaxThreads = 4096;

static attune_status find_target(const char *name, Target *target) {
    const Target host = host_target();
    *target = host;
    if (!name || strcmp(name, "host") == 0) return ATTUNE_OK;
    if (!parse_target(name, target)) {
        return fail(ATTUNE_UNKNOWN_NAME,
                    "options: unknown target '%s'; targets are host, x86-64, avx2, avx512, "
                    "avx512_bf16, avx512_amx, aarch64, opencl, cuda",
                    name);
    }
    if (target_device(*target) != 0) return ATTUNE_OK;  // the first call looks for a driver
    if (target->family == host.family && target->level <= host.level) return ATTUNE_OK;
    return fail(ATTUNE_UNSUPPORTED_TARGET,
                "options: target '%s' is not supported by this machine, whose best is '%s'", name,
                target_name(host));
}

static attune_status check(const attune_options &options) {
    if (options.struct_size != sizeof(attune_options)) {
        return fail(ATTUNE_BAD_VERSION, "options: struct_size is %zu; this library expects %zu",
                    options.struct_size, sizeof(attune_options));
    }
    if (options.threads < 0 || options.threads > kMaxThreads) {
        return fail(ATTUNE_BAD_VALUE, "options: threads = %d; expected 0..%d", options.threads,
                    kMaxThreads);
    }
    if (!options.allocate != !options.release) {
        return fail(ATTUNE_NULL_ARGUMENT, "options: %s is given without %s",
                    options.allocate ? "allocate" : "release",
                    options.allocate ? "release" : "allocate");
    }
    return ATTUNE_OK;
}

static attune_status create(const attune_options &options, attune_context **out) {
    Target target;
    if (attune_status status = check(options)) return status;
    if (attune_status status = find_target(options.target, &target)) return status;
    void *memory = aligned_alloc(alignof(attune_context), sizeof(attune_context));
    char *kernel = options.kernel ? strdup(options.kernel) : nullptr;
    if (!memory || (options.kernel && !kernel)) {
        free(memory);
        free(kernel);
        return fail(ATTUNE_OUT_OF_MEMORY, "context: no memory for it");
    }
    attune_context *context = new (memory) attune_context{};
    context->target = target;
    context->kernel = kernel;
    context->log = options.log;
    context->log_user = options.log_user;
    context->threads.init(options);
    context->scratch.init(options);
    *out = context;
    return ATTUNE_OK;
}

}  // namespace attune

extern "C" {

void attune_options_defaults(attune_options *options) {
    if (!options) return;
    *options = attune_options{};
    options->struct_size = sizeof *options;
}

attune_status attune_context_create(const attune_options *options, attune_context **context) {
    if (!context) return attune::fail(ATTUNE_NULL_ARGUMENT, "context is NULL");
    *context = nullptr;
    attune_options defaults;
    attune_options_defaults(&defaults);
    return attune::create(options ? *options : defaults, context);
}

void attune_context_destroy(attune_context *context) {
    if (!context) return;
    context->threads.stop();
    context->scratch.release_all();
    free(context->kernel);
    free(context);
}

int attune_context_threads(const attune_context *context) {
    return context ? context->threads.size() : 0;
}

}  // extern "C"
