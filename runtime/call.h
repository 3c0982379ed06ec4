/* One call of a kernel, and how it fails.
 *
 * Kernels are compiled without assertions: they test neither the result of an allocation nor that
 * of a parallel loop. So a failure does not return to the kernel: it jumps out of it, to the frame
 * that this library set up on the same thread before it entered generated code. Generated code
 * holds nothing but scratch blocks, and the frame knows those.
 */
#ifndef ATTUNE_CALL_H
#define ATTUNE_CALL_H

#include <setjmp.h>

#include <atomic>

#include "attune_pack.h"
#include "context.h"

namespace attune {

/* The user_context of generated code. */
struct Call {
    explicit Call(attune_context *c) : context(c) {}

    attune_context *context;
    attune_status on_error = ATTUNE_INTERNAL;  // what an error of Halide's runtime means here

    /* The first failure of any thread counts. */
    void fail(attune_status status, const char *message);
    bool failed() const { return claimed_.load(std::memory_order_acquire); }
    /* After all threads are done with the call. */
    attune_status status() const { return status_; }
    const char *message() const { return message_; }

private:
    std::atomic<bool> claimed_{false};
    attune_status status_ = ATTUNE_OK;
    char message_[256] = "";
};

/* Generated code on this thread's stack. */
struct Frame {
    Call *call;
    Frame *outer;
    Block *blocks;  // scratch taken and not yet given back
    jmp_buf jump;
};

/* Runs body(argument) as generated code of the call; a failure inside ends it. */
void run_guarded(Call &call, void (*body)(void *argument), void *argument);

/* Runs a kernel; its failure ends up in the call. */
void run_kernel(Call &call, attune_kernel_call kernel, void **args);

}  // namespace attune
#endif
