#include "context.h"

#include "fault.h"

namespace tool {

Context::Context(const std::string &target, int threads, const std::string &kernel)
    : target_(target), kernel_(kernel) {
    attune_options options;
    attune_options_defaults(&options);
    options.threads = threads;
    options.target = target_.empty() ? nullptr : target_.c_str();
    options.kernel = kernel_.empty() ? nullptr : kernel_.c_str();
    check(attune_context_create(&options, &context_),
          "target " + (target.empty() ? "host" : target));
}

}  // namespace tool
