#include "choice.h"

#include <string.h>

#include "error.h"

namespace attune {

static bool holds(const Arguments &a, const attune_condition &c) {
    if (c.kind == ATTUNE_WHEN_ABSENT) return !a.tensor[c.index];
    if (c.kind == ATTUNE_WHEN_GIVEN) return a.tensor[c.index];
    const double x = c.kind == ATTUNE_WHEN_EXTENT ? double(a.extent[c.index]) : a.number[c.index];
    return c.low <= x && x <= c.high;
}

static const attune_condition *first_failing(const Arguments &a, const attune_kernel &kernel) {
    for (int i = 0; i < kernel.conditions; i++) {
        if (!holds(a, kernel.condition[i])) return &kernel.condition[i];
    }
    return nullptr;
}

/* A kernel of this family of targets that stores the call's dtype; *level: its own. */
static bool is_candidate(const Arguments &a, const attune_kernel &kernel, int *level) {
    const Target &wanted = a.context->target;
    Target target;
    if (&a.pack->variant[kernel.variant] != a.variant) return false;
    if (kernel.device != target_device(wanted)) return false;
    if (a.storage != ATTUNE_STORAGE && kernel.dtype != a.storage) return false;
    if (a.context->kernel && !strstr(kernel.name, a.context->kernel)) return false;
    if (!parse_target(kernel.target, &target) || target.family != wanted.family) return false;
    *level = target.level;
    return true;
}

static attune_status none_exists(const Arguments &a) {
    const char *dtype = a.storage == ATTUNE_STORAGE ? "any dtype" : dtype_name(a.storage);
    const char *filter = a.context->kernel;
    return fail(ATTUNE_NO_KERNEL, "%s: pack %s has no kernel for target %s and %s%s%s",
                a.variant->name, a.pack->name, target_name(a.context->target), dtype,
                filter ? " whose name contains " : "", filter ? filter : "");
}

static attune_status none_takes(const Arguments &a, const attune_condition &c) {
    const attune_variant &v = *a.variant;
    if (c.kind == ATTUNE_WHEN_ABSENT) {
        return fail(ATTUNE_NO_KERNEL, "%s: no kernel of pack %s takes tensor '%s'", v.name,
                    a.pack->name, v.tensor[c.index].name);
    }
    if (c.kind == ATTUNE_WHEN_GIVEN) {
        return fail(ATTUNE_NO_KERNEL, "%s: no kernel of pack %s does without tensor '%s'", v.name,
                    a.pack->name, v.tensor[c.index].name);
    }
    if (c.kind == ATTUNE_WHEN_EXTENT) {
        return fail(ATTUNE_NO_KERNEL,
                    "%s: no kernel of pack %s takes extent %s = %lld (pack: %.0f..%.0f)", v.name,
                    a.pack->name, v.extent[c.index], (long long)a.extent[c.index], c.low, c.high);
    }
    return fail(ATTUNE_NO_KERNEL, "%s: no kernel of pack %s takes attribute %s = %g (pack: %g..%g)",
                v.name, a.pack->name, v.attribute[c.index].name, a.number[c.index], c.low, c.high);
}

attune_status choose_kernel(const Arguments &a, int *kernel) {
    const attune_condition *reason = nullptr;  // of the last, most general kernel at the best level
    int reason_level = -1;
    for (int wanted = a.context->target.level; wanted >= 0; wanted--) {
        for (int k = 0; k < a.pack->kernels; k++) {
            int level;
            if (!is_candidate(a, a.pack->kernel[k], &level) || level != wanted) continue;
            const attune_condition *failing = first_failing(a, a.pack->kernel[k]);
            if (!failing) {
                if (granted({a.context->target.family, level})) return *kernel = k, ATTUNE_OK;
                continue;
            }
            if (reason_level <= level) {
                reason = failing;
                reason_level = level;
            }
        }
    }
    return reason ? none_takes(a, *reason) : none_exists(a);
}

}  // namespace attune
