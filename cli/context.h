// A libattune context that is destroyed with its scope, and its options as the programs take them.
#ifndef ATTUNE_CLI_CONTEXT_H
#define ATTUNE_CLI_CONTEXT_H

#include "attune.h"

#include <atomic>
#include <cstddef>
#include <string>

namespace tool {

class Context {
public:
    // target "": the host's best; threads 0: all; kernel "": any.
    Context(const std::string &target, int threads, const std::string &kernel);
    ~Context() { attune_context_destroy(context_); }
    Context(const Context &) = delete;
    Context &operator=(const Context &) = delete;
    attune_context *get() const { return context_; }
    size_t scratch_bytes() const { return scratch_; }  // that it took so far; it keeps them

private:
    static void *allocate(void *self, size_t bytes);
    static void release(void *self, void *memory);

    std::string target_, kernel_;  // the options point at them
    std::atomic<size_t> scratch_ = 0;
    attune_context *context_ = nullptr;
};

}  // namespace tool
#endif
