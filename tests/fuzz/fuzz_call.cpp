#include "fuzz_call.h"

#include "input.h"
#include "machine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace attune::tests {
namespace {

attune_context *context_for(int choice) {
    static const std::vector<std::string> targets = cpu_targets();
    static std::vector<Context> contexts(targets.size());
    const auto which = static_cast<std::size_t>(choice) % targets.size();
    if (!contexts[which]) contexts[which] = make_context(options(targets[which], 2));
    return contexts[which].get();
}

bool obeys(const attune_variant &variant, const std::vector<std::int64_t> &extents) {
    const std::vector<double> attributes(static_cast<std::size_t>(variant.attributes), NAN);
    const std::vector<int> ranks(static_cast<std::size_t>(variant.tensors), -1);
    const attune_facts facts = {extents.data(), attributes.data(), ranks.data()};
    for (int r = 0; r < variant.rules; ++r)
        if (attune_evaluate(&variant.rule[r].holds, &facts) == 0) return false;
    return true;
}

// Sizes of which many divide each other, and some at the edges of vectors. Mostly they obey the
// rules that are about extents alone; formulas decide the derived ones.
std::vector<std::int64_t> decode_extents(Bytes &in, const attune_variant &variant) {
    const std::int64_t sizes[] = {1, 2, 4, 2, 1, 8, 3, 16, 17, 5, 33, 12, 64, 0, 40, 6};
    std::vector<std::int64_t> extents;
    for (int tries = 0; tries < 4; ++tries) {
        extents.clear();
        for (int e = 0; e < variant.extents; ++e) {
            const bool derived = variant.derived && variant.derived[e].terms > 0;
            extents.push_back(derived ? -1 : sizes[in.byte() % 16]);
        }
        if (obeys(variant, extents)) break;
    }
    std::vector<double> attributes(static_cast<std::size_t>(variant.attributes), NAN);
    const std::vector<int> ranks(static_cast<std::size_t>(variant.tensors), -1);
    attune_resolve(&variant, extents.data(), attributes.data(), ranks.data());
    for (std::int64_t &extent : extents) extent = std::max<std::int64_t>(extent, 0);
    return extents;
}

// Small enough to run thousands of times; also bounds what the descriptors can claim together.
bool small(const attune_variant &variant, const std::vector<std::int64_t> &extents) {
    for (int t = 0; t < variant.tensors; ++t) {
        std::int64_t elements = 1;
        for (int d = 0; d < variant.tensor[t].rank; ++d)
            elements *= extents[static_cast<std::size_t>(variant.tensor[t].extents[d])];
        if (elements > 1 << 17) return false;
    }
    return true;
}

void put(std::vector<std::byte> &args, std::size_t offset, const void *value, std::size_t size) {
    std::memcpy(&args[offset], value, size);
}

void put_attribute(Bytes &in, std::vector<std::byte> &args, const attune_attribute &declared) {
    const float reals[] = {0.5f, 0, -1, 1e30f, std::numeric_limits<float>::infinity(), -0.25f};
    const std::int32_t integers[] = {1, 0, 2, 4, -1, 3, 8, INT32_MAX, -2, 17, INT32_MIN + 1};
    float real = std::numeric_limits<float>::quiet_NaN();
    std::int32_t integer = INT32_MIN;
    const bool optional = declared.fallback.terms > 0;
    if (!optional || in.one_in(3)) {
        real = reals[in.byte() % 6];
        const int legal = declared.type == ATTUNE_FLAG || declared.type == ATTUNE_ENUM ? 2 : 4;
        integer = integers[in.one_in(8) ? in.byte() % 11 : in.byte() % legal];
    }
    if (declared.type == ATTUNE_FLOAT)
        put(args, declared.offset, &real, sizeof real);
    else
        put(args, declared.offset, &integer, sizeof integer);
}

std::vector<std::byte> make_args(Bytes &in, const attune_variant &variant,
                                 const std::vector<Described> &tensors) {
    std::vector<std::byte> args(variant.args_size);
    std::size_t size = variant.args_size;
    if (in.one_in(32)) size = static_cast<std::size_t>(in.byte()) % (size + 1);
    put(args, 0, &size, sizeof size);
    for (int t = 0; t < variant.tensors; ++t) {
        const Described &d = tensors[static_cast<std::size_t>(t)];
        const DLTensor *const pointer = d.given ? &d.tensor : nullptr;
        put(args, variant.tensor[t].offset, &pointer, sizeof pointer);
    }
    for (int a = 0; a < variant.attributes; ++a) put_attribute(in, args, variant.attribute[a]);
    return args;
}

std::vector<std::byte> outputs_of(const attune_variant &variant,
                                  const std::vector<Described> &tensors) {
    std::vector<std::byte> all;
    for (std::size_t t = 0; t < tensors.size(); ++t)
        if (variant.tensor[t].output && tensors[t].given)
            all.insert(all.end(), tensors[t].memory.get(),
                       tensors[t].memory.get() + tensors[t].bytes);
    return all;
}

std::string complaint(attune_status status) {
    const std::string name = attune_status_name(status), message = attune_error_message();
    if (status >= ATTUNE_OUT_OF_MEMORY) return name + ": " + message;
    if (name.empty()) return "status " + std::to_string(status) + " has no name";
    if (status != ATTUNE_OK && message.empty()) return name + " without a message";
    if (message.find('\n') != std::string::npos) return "a message of two lines: " + message;
    return "";
}

}  // namespace

std::string fuzz_call(const std::uint8_t *bytes, std::size_t count) {
    Bytes in(bytes, count);
    const attune_pack *const pack = test_pack();
    const int number = in.byte() % pack->variants;
    const attune_variant &variant = pack->variant[number];
    attune_context *const context = context_for(in.byte());
    const std::vector<std::int64_t> extents = decode_extents(in, variant);
    if (!small(variant, extents)) return "";

    std::vector<Described> tensors = legal(in, variant, extents);
    for (int changes = in.below(4); changes > 0; --changes) change(in, tensors);
    allocate(in, variant, extents, tensors);
    const std::vector<std::byte> args = make_args(in, variant, tensors);

    attune_cost cost{};
    const attune_status checked = attune_call_cost(context, pack, number, args.data(), &cost);
    if (checked == ATTUNE_OK && !(cost.flops <= 1e8)) return "";  // legal, but too long
    const std::vector<std::byte> before = outputs_of(variant, tensors);
    const attune_status status = attune_call(context, pack, number, args.data());
    if (checked != ATTUNE_OK && checked != status)
        return std::string("the cost of the call: ") + attune_status_name(checked) +
               ", the call itself: " + attune_status_name(status);
    if (status != ATTUNE_OK && outputs_of(variant, tensors) != before)
        return std::string(attune_status_name(status)) + ", and an output was written";
    return complaint(status);
}

}  // namespace attune::tests
