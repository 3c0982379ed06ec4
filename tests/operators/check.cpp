#include "check.h"

#include "crash.h"
#include "machine.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace attune::tests {
namespace {

bool is_output(const Case &call, const std::string &name) {
    const attune_variant &variant = test_pack()->variant[variant_of(test_pack(), call.op)];
    return std::any_of(variant.tensor, variant.tensor + variant.tensors,
                       [&](const attune_tensor &t) { return t.output && name == t.name; });
}

testing::AssertionResult outputs_hold(const Case &call, bool (*property)(const Tensor &),
                                      const char *otherwise) {
    for (const auto &[name, tensor] : call.tensors)
        if (is_output(call, name) && !property(tensor))
            return testing::AssertionFailure() << name << otherwise;
    return testing::AssertionSuccess();
}

}  // namespace

attune_context *context_for(const std::string &target) {
    static std::map<std::string, Context> contexts;
    Context &context = contexts[target];
    if (!context) context = make_context(options(target, 2));
    return context.get();
}

testing::AssertionResult check(const std::string &target, const Case &call,
                               const Expected &expected) {
    const attune_pack *const pack = test_pack();
    const attune_status want = expected_status(pack, target, call);
    const attune_status got = tests::call(context_for(target), pack, call);
    if (got != want)
        return testing::AssertionFailure()
               << "status " << attune_status_name(got) << " (" << attune_error_message()
               << "), not " << attune_status_name(want);
    if (got == ATTUNE_OK) {
        const auto kept = outputs_hold(call, untouched_outside, " was written outside its view");
        return kept ? expected.holds(call) : kept;
    }
    if (!*attune_error_message()) return testing::AssertionFailure() << "no message";
    return outputs_hold(call, untouched, " was written by a failed call");
}

void check_everywhere(const Config &config, const std::vector<std::string> &targets,
                      const std::string &repeat) {
    Case call = make_case(config);
    const Expected expected(call);
    for (const std::string &target : targets) {
        if (!has_kernel(test_pack(), config.op, target, config.dtype)) continue;
        add_outputs(call, config.lse, config.layout, config.guard);
        const std::string what = "target " + target + ": " + describe(config) + repeat;
        now_running(what);
        EXPECT_TRUE(check(target, call, expected)) << what;
    }
}

Bits bits_of(const Case &call) {
    Bits bits;
    for (const auto &[name, tensor] : call.tensors) {
        if (!is_output(call, name)) continue;
        std::vector<std::uint32_t> &all = bits[name];
        all.resize(static_cast<std::size_t>(tensor.elements()));
        for (std::size_t i = 0; i < all.size(); ++i)
            std::memcpy(&all[i], tensor.address(static_cast<std::int64_t>(i)),
                        oracle::size_of(tensor.dtype));
    }
    return bits;
}

Bits run(attune_context *context, const Case &call) {
    if (tests::call(context, test_pack(), call) != ATTUNE_OK)
        throw std::runtime_error(call.op + ": " + attune_error_message());
    return bits_of(call);
}

}  // namespace attune::tests
