#include "hooks.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "error.h"

namespace attune {

static thread_local Frame *frame;

void Call::fail(attune_status status, const char *message) {
    if (claimed_.exchange(true, std::memory_order_acq_rel)) return;
    status_ = status;
    snprintf(message_, sizeof message_, "%s", message);
}

/* Not inlined: no variable of run_guarded may change between setjmp and longjmp. */
__attribute__((noinline)) static void enter(Frame &mine, void (*body)(void *), void *argument) {
    frame = &mine;
    if (_setjmp(mine.jump) == 0) body(argument);
}

void run_guarded(Call &call, void (*body)(void *argument), void *argument) {
    Frame mine;
    mine.call = &call;
    mine.outer = frame;
    mine.blocks = nullptr;
    enter(mine, body, argument);
    frame = mine.outer;
    while (Block *block = mine.blocks) {
        mine.blocks = block->next;
        Scratch::give(memory_of(block));
    }
}

[[noreturn]] static void leave(Frame &current) { _longjmp(current.jump, 1); }

struct KernelRun {
    Call *call;
    attune_kernel_call kernel;
    void **args;
};

void run_kernel(Call &call, attune_kernel_call kernel, void **args) {
    KernelRun run = {&call, kernel, args};
    const auto body = [](void *argument) {
        const KernelRun &r = *static_cast<KernelRun *>(argument);
        const int code = r.kernel(r.args);
        if (code == 0) return;
        char message[64];
        snprintf(message, sizeof message, "the kernel returned %d", code);
        r.call->fail(r.call->on_error, message);
    };
    run_guarded(call, body, &run);
}

struct Loop {
    Call *call;
    halide_task_t task;
    int min;
    uint8_t *closure;
};

struct LoopWork {
    Loop *loop;
    Job *job;
    int thread;
};

static void run_indices(void *argument) {
    const LoopWork &work = *static_cast<LoopWork *>(argument);
    const Loop &loop = *work.loop;
    int index;
    while (!loop.call->failed() && work.job->take(work.thread, &index)) {
        const int code = loop.task(loop.call, loop.min + index, loop.closure);
        if (code == 0) continue;
        char message[64];
        snprintf(message, sizeof message, "a parallel task returned %d", code);
        loop.call->fail(loop.call->on_error, message);
    }
}

static void work_on(Job &job, int thread) {
    Loop *loop = static_cast<Loop *>(job.closure);
    LoopWork work = {loop, &job, thread};
    run_guarded(*loop->call, run_indices, &work);
}

/* A track of the blocks of the current frame, for a failure. */
static void remember(void *memory) {
    Block *block = block_of(memory);
    block->prev = nullptr;
    block->next = frame->blocks;
    if (block->next) block->next->prev = block;
    frame->blocks = block;
}

static void forget(void *memory) {
    Block *block = block_of(memory);
    if (block->next) block->next->prev = block->prev;
    (block->prev ? block->prev->next : frame->blocks) = block->next;
}

}  // namespace attune

using attune::Call;

extern "C" {

/* user is NULL only in code that Halide's runtime runs on its own account, not for a call. */
void *attune_malloc(void *user, size_t bytes) {
    if (!user) return aligned_alloc(64, (bytes + 63) / 64 * 64);
    Call &call = *static_cast<Call *>(user);
    void *memory = call.context->scratch.take(bytes);
    if (!memory) {
        char message[96];
        snprintf(message, sizeof message, "no memory for %zu bytes of scratch", bytes);
        call.fail(ATTUNE_OUT_OF_MEMORY, message);
        attune::leave(*attune::frame);
    }
    attune::remember(memory);
    return memory;
}

void attune_free(void *user, void *memory) {
    if (!memory) return;
    if (!user) return free(memory);
    attune::forget(memory);
    attune::Scratch::give(memory);
}

int attune_do_task(void *user, halide_task_t task, int index, uint8_t *closure) {
    return task(user, index, closure);
}

int attune_do_par_for(void *user, halide_task_t task, int min, int size, uint8_t *closure) {
    if (size <= 0) return 0;
    Call &call = *static_cast<Call *>(user);
    attune::Loop loop = {&call, task, min, closure};
    attune::Job job(attune::work_on, &loop, size);
    call.context->threads.run(job);
    if (call.failed()) attune::leave(*attune::frame);
    return 0;
}

/* Only for pipelines with async() stages, which no schedule of a kernel uses: Halide's own version
 * would start threads that the context does not know. */
int attune_do_parallel_tasks(void *user, int, halide_parallel_task_t *, void *) {
    Call &call = *static_cast<Call *>(user);
    call.fail(ATTUNE_INTERNAL, "the kernel has asynchronous stages, which are not supported");
    attune::leave(*attune::frame);
}

/* Does not leave the kernel: Halide's runtime may hold its locks here. */
void attune_error(void *user, const char *message) {
    if (!user) {
        attune::fail(ATTUNE_DEVICE_FAILED, "%s", message);
        return;
    }
    Call &call = *static_cast<Call *>(user);
    call.fail(call.on_error, message);
}

void attune_print(void *user, const char *message) {
    if (!user) return;
    const attune_context &context = *static_cast<Call *>(user)->context;
    if (context.log) context.log(context.log_user, message);
}

/* Driver libraries without their development package exist as libX.so.1 alone. */
void *attune_load_library(const char *name) {
    if (void *library = dlopen(name, RTLD_LAZY)) return library;
    char versioned[128];
    snprintf(versioned, sizeof versioned, "%s.1", name);
    return dlopen(versioned, RTLD_LAZY);
}

}  // extern "C"
