#include "context.h"

#include "fault.h"

#include <cstdlib>

namespace tool {

constexpr size_t ALIGNMENT = 64;  // of attune_options::allocate

Context::Context(const std::string &target, int threads, const std::string &kernel)
    : target_(target), kernel_(kernel) {
    attune_options options;
    attune_options_defaults(&options);
    options.threads = threads;
    options.allocate = allocate;
    options.release = release;
    options.memory_user = this;
    options.target = target_.empty() ? nullptr : target_.c_str();
    options.kernel = kernel_.empty() ? nullptr : kernel_.c_str();
    check(attune_context_create(&options, &context_),
          "target " + (target.empty() ? "host" : target));
}

void *Context::allocate(void *self, size_t bytes) {
    const size_t whole = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *memory = std::aligned_alloc(ALIGNMENT, whole);
    if (memory) static_cast<Context *>(self)->scratch_ += whole;
    return memory;
}

void Context::release(void *, void *memory) { std::free(memory); }

}  // namespace tool
