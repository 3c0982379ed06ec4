#include "arguments.h"

#include <string.h>

#include "error.h"

namespace attune {

static bool covers(const Arguments &a, size_t offset, size_t bytes) {
    return offset + bytes <= a.args_size;
}

/* An older release's struct is shorter: what it lacks is not given. */
static attune_status check_size(Arguments &a) {
    const attune_variant &v = *a.variant;
    memcpy(&a.args_size, a.args, sizeof a.args_size);
    bool complete = a.args_size >= sizeof(size_t) && a.args_size <= v.args_size;
    for (int t = 0; t < v.tensors && complete; t++) {
        const attune_tensor &declared = v.tensor[t];
        complete = declared.optional || declared.needed_by ||
                   covers(a, declared.offset, sizeof(DLTensor *));
    }
    for (int i = 0; i < v.attributes && complete; i++) {
        const attune_attribute &declared = v.attribute[i];
        complete = declared.fallback.terms || covers(a, declared.offset, sizeof(Scalar));
    }
    if (complete) return ATTUNE_OK;
    return fail(ATTUNE_BAD_VERSION, "%s: struct_size is %zu; pack %s expects %zu", v.name,
                a.args_size, a.pack->name, v.args_size);
}

attune_status check_arguments(attune_context *context, const attune_pack *pack, int variant,
                              const void *args, Arguments *a) {
    if (!context) return fail(ATTUNE_NULL_ARGUMENT, "context is NULL");
    if (!pack) return fail(ATTUNE_NULL_ARGUMENT, "pack is NULL");
    if (pack->abi_version != ATTUNE_ABI_VERSION) {
        return fail(ATTUNE_BAD_PACK, "the pack has ABI version %d; this library has %d",
                    pack->abi_version, ATTUNE_ABI_VERSION);
    }
    if (variant < 0 || variant >= pack->variants) {
        return fail(ATTUNE_UNKNOWN_NAME, "variant %d of pack %s; it has 0..%d", variant, pack->name,
                    pack->variants - 1);
    }
    a->variant = &pack->variant[variant];
    if (!args) return fail(ATTUNE_NULL_ARGUMENT, "%s: args is NULL", a->variant->name);
    a->context = context;
    a->pack = pack;
    a->args = args;
    if (attune_status status = check_size(*a)) return status;
    if (attune_status status = check_tensors(*a)) return status;
    if (attune_status status = check_extents(*a)) return status;
    if (attune_status status = check_attributes(*a)) return status;
    if (attune_status status = check_rules(*a)) return status;
    if (attune_status status = check_layout(*a)) return status;
    if (attune_status status = check_overlap(*a)) return status;
    return check_contents(*a);
}

double value_of(const Arguments &a, const attune_formula &formula) {
    const attune_facts facts = {a.extent, a.number, a.rank};
    return attune_evaluate(&formula, &facts);
}

}  // namespace attune
