/* Halide's runtime with its symbols renamed from halide_ to attune_: what generated code imports
 * and what this library uses of it. The functions of hooks.cpp replace the weak ones in there. */
#ifndef ATTUNE_HOOKS_H
#define ATTUNE_HOOKS_H

#include <HalideRuntime.h>

#include "attune.h"

extern "C" {

ATTUNE_API void *attune_malloc(void *user, size_t bytes);
ATTUNE_API void attune_free(void *user, void *memory);
ATTUNE_API int attune_do_task(void *user, halide_task_t task, int index, uint8_t *closure);
ATTUNE_API int attune_do_par_for(void *user, halide_task_t task, int min, int size,
                                 uint8_t *closure);
ATTUNE_API int attune_do_parallel_tasks(void *user, int tasks, halide_parallel_task_t *task,
                                        void *parent);
ATTUNE_API void attune_error(void *user, const char *message);
ATTUNE_API void attune_print(void *user, const char *message);
ATTUNE_API void *attune_load_library(const char *name);

/* Of Halide's runtime. */
const halide_device_interface_t *attune_opencl_device_interface(void);
const halide_device_interface_t *attune_cuda_device_interface(void);
int attune_copy_to_device(void *user, halide_buffer_t *buffer,
                          const halide_device_interface_t *device);
int attune_copy_to_host(void *user, halide_buffer_t *buffer);
int attune_device_free(void *user, halide_buffer_t *buffer);

}  // extern "C"
#endif
