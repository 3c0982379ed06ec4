// Calls a loaded pack with tensors and attributes by name, through the pack's own tables.
#ifndef ATTUNE_TESTS_OPERATORS_CALL_H
#define ATTUNE_TESTS_OPERATORS_CALL_H

#include "attune_pack.h"
#include "case.h"

#include <memory>
#include <string>
#include <vector>

namespace attune::tests {

using oracle::Case;
using oracle::Dtype;
using oracle::Tensor;

// Both throw std::runtime_error with the library's message.
const attune_pack *load_pack(const std::string &path);
const attune_pack *test_pack();  // the default pack, or the file ATTUNE_TEST_PACK

struct DestroyContext {
    void operator()(attune_context *context) const { attune_context_destroy(context); }
};
using Context = std::unique_ptr<attune_context, DestroyContext>;

attune_options options(const std::string &target, int threads = 0);
Context make_context(const attune_options &options);  // throws std::runtime_error

// Number of the variant in the pack; throws if the pack lacks it.
int variant_of(const attune_pack *pack, const std::string &op);

// "f32", "f16", ...
const char *name_of(Dtype dtype);

// Whether the pack has a kernel of this variant for this target and type of storage.
bool has_kernel(const attune_pack *pack, const std::string &op, const std::string &target,
                Dtype dtype = Dtype::f32);

// Value of each symbol of the variant, from the shapes of the tensors that are given. Symbols that
// no given tensor has are 1.
std::vector<std::int64_t> extents_of(const attune_variant &variant, const Case &call);

// The args struct of a call, and the descriptors that it points to.
class Arguments {
public:
    Arguments(const attune_variant &variant, const Case &call);
    const void *data() const { return bytes_.data(); }

private:
    void set_attributes(const attune_variant &variant, const Case &call);
    std::vector<std::byte> bytes_;
    std::vector<DLTensor> tensors_;
};

attune_status call(attune_context *context, const attune_pack *pack, const Case &call);

}  // namespace attune::tests
#endif
