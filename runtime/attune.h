/* libattune: calls ahead-of-time compiled attention kernels.
 *
 * A kernel pack is a library made by `attune generate`; its header declares one function a variant,
 * `attune_status NAME_VARIANT(attune_context *, const attune_VARIANT_args *)`. This library holds
 * what all packs share: contexts, threads, memory, the choice of a kernel, and error messages.
 *
 * Nothing here prints, aborts, or throws. On error attune_error_message() names the argument and
 * what was expected of it, and no output tensor has been written, unless memory or a device failed
 * while the kernel ran (ATTUNE_OUT_OF_MEMORY, ATTUNE_DEVICE_FAILED): then some rows may have been.
 */
#ifndef ATTUNE_H
#define ATTUNE_H

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define ATTUNE_API
#else
#define ATTUNE_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A pack works with the libattune that has the same ABI version. */
#define ATTUNE_ABI_VERSION 3

typedef enum attune_status {
    ATTUNE_OK = 0,
    /* You called it wrong: the arguments can never work. */
    ATTUNE_NULL_ARGUMENT = 100, /* a required pointer or tensor is NULL */
    ATTUNE_BAD_RANK = 101,      /* a tensor has another number of dimensions */
    ATTUNE_BAD_EXTENT = 102,    /* extents are negative, disagree, or break a rule of the variant */
    ATTUNE_BAD_DTYPE = 103,     /* a tensor has another element type */
    ATTUNE_BAD_LAYOUT = 104,    /* innermost stride is not 1, misaligned data, offsets overflow */
    ATTUNE_BAD_OVERLAP = 105,   /* an output shares memory with an input or another output */
    ATTUNE_BAD_DEVICE = 106,    /* a tensor lives on a device that the call cannot use */
    ATTUNE_BAD_VALUE = 107,     /* an attribute or an element of an index tensor is out of range */
    ATTUNE_UNKNOWN_NAME = 108,  /* no such variant, target, tensor or attribute */
    ATTUNE_BAD_VERSION = 109,   /* struct_size or ABI version from another release */
    /* This pack or CPU cannot do it: another pack, target or machine may. */
    ATTUNE_NO_KERNEL = 200,          /* no kernel takes these shapes, tensors and attributes */
    ATTUNE_UNSUPPORTED_TARGET = 201, /* this machine lacks what the requested target needs */
    ATTUNE_BAD_PACK = 202,           /* the file is not a pack, or of another ABI version */
    /* The machine failed. */
    ATTUNE_OUT_OF_MEMORY = 300, /* the allocator returned NULL */
    ATTUNE_DEVICE_FAILED = 301, /* GPU driver missing, or a GPU call failed */
    ATTUNE_INTERNAL = 302       /* a defect of Attune: please report it */
} attune_status;

/* "ok", "bad extent", ... Never NULL. */
ATTUNE_API const char *attune_status_name(attune_status status);

/* What went wrong in the last failed call on this thread: one line, "" if none. Valid until the
 * thread's next call of this library. */
ATTUNE_API const char *attune_error_message(void);

/* Version of this library, "0.1.0", and its ABI version. */
ATTUNE_API const char *attune_version(void);
ATTUNE_API int attune_abi_version(void);

/* ---- Contexts ---------------------------------------------------------------------------- */

/* Carries threads, allocator and log of the caller. Calls from many threads may share one. */
typedef struct attune_context attune_context;

typedef void (*attune_task)(void *closure, int index);

typedef struct attune_options {
    size_t struct_size; /* sizeof(attune_options); attune_options_defaults() sets it */
    int threads;        /* threads of a call, the caller's included; 0: as many as it may run on */
    /* The caller's own parallel-for: runs task(closure, i) for each i in 0..count-1 on any threads
     * and returns when all are done. A task may call it again (loops nest): a pool whose threads
     * cannot wait runs such a loop serially. NULL: threads of the context. */
    void (*parallel_for)(void *user, int count, attune_task task, void *closure);
    void *parallel_user;
    /* Scratch memory, 64-byte aligned, kept by the context and reused. NULL: aligned malloc. */
    void *(*allocate)(void *user, size_t bytes);
    void (*release)(void *user, void *memory);
    void *memory_user;
    void (*log)(void *user, const char *line); /* warnings, one line each. NULL: none */
    void *log_user;
    /* What to run on: NULL or "host" (the best tier of this CPU), "x86-64", "avx2", "avx512",
     * "avx512_bf16", "avx512_amx", "aarch64", "opencl", "cuda". */
    const char *target;
    const char *kernel; /* only kernels whose name contains this (tuning, tests). NULL: all */
} attune_options;

ATTUNE_API void attune_options_defaults(attune_options *options);

/* options NULL: the defaults. */
ATTUNE_API attune_status attune_context_create(const attune_options *options,
                                               attune_context **context);
ATTUNE_API void attune_context_destroy(attune_context *context); /* NULL: nothing */

/* Threads that a call in this context uses. */
ATTUNE_API int attune_context_threads(const attune_context *context);

/* ---- Packs by name, for hosts that learn the variant at run time --------------------------- */

typedef struct attune_pack attune_pack; /* attune_pack.h describes what is in it */

/* Loads libNAME.so. Packs stay loaded; loading twice gives the same pack. */
ATTUNE_API attune_status attune_pack_load(const char *path, const attune_pack **pack);

/* Packs linked or loaded so far, in order of registration; NULL past the last. */
ATTUNE_API const attune_pack *attune_pack_at(int index);

/* Calls the variant number `variant` of a pack; args is its attune_VARIANT_args. The typed
 * functions NAME_VARIANT are this call. */
ATTUNE_API attune_status attune_call(attune_context *context, const attune_pack *pack, int variant,
                                     const void *args);

/* Work of that call by the variant's own formula, without running it: query-key pairs, floating
 * point operations (a multiply-add is 2), and bytes if each tensor moves once. */
typedef struct attune_cost {
    double pairs, flops, bytes;
} attune_cost;
ATTUNE_API attune_status attune_call_cost(attune_context *context, const attune_pack *pack,
                                          int variant, const void *args, attune_cost *cost);

/* Index in pack->kernels of the kernel that the call would run. */
ATTUNE_API attune_status attune_call_kernel(attune_context *context, const attune_pack *pack,
                                            int variant, const void *args, int *kernel);

#ifdef __cplusplus
}
#endif
#endif
