#include <math.h>
#include <string.h>

#include "arguments.h"
#include "error.h"

namespace attune {

static bool is_float(const attune_attribute &declared) { return declared.type == ATTUNE_FLOAT; }

static int choices(const attune_attribute &declared) {
    int count = 0;
    while (declared.choices && declared.choices[count]) count++;
    return count;
}

/* The attribute as the caller wrote it; false: not given. */
static bool read(Arguments &a, int index) {
    const attune_attribute &declared = a.variant->attribute[index];
    Scalar &scalar = a.attribute[index];
    if (declared.offset + sizeof scalar > a.args_size) return false;
    memcpy(&scalar, static_cast<const char *>(a.args) + declared.offset, sizeof scalar);
    a.number[index] = is_float(declared) ? double(scalar.f) : double(scalar.i);
    return is_float(declared) ? !isnan(scalar.f) : scalar.i != INT32_MIN;
}

static attune_status check_range(const Arguments &a, int index) {
    const attune_attribute &declared = a.variant->attribute[index];
    const bool limited = declared.type == ATTUNE_FLAG || declared.type == ATTUNE_ENUM;
    const double low = limited ? 0 : declared.low;
    double high = declared.high;
    if (declared.type == ATTUNE_FLAG) high = 1;
    if (declared.type == ATTUNE_ENUM) high = choices(declared) - 1;
    const double number = a.number[index];
    if (low <= number && number <= high) return ATTUNE_OK;
    return fail(ATTUNE_BAD_VALUE, "%s: attribute '%s' = %g; expected %g..%g", a.variant->name,
                declared.name, number, low, high);
}

static void store(Arguments &a, int index) {
    Scalar &scalar = a.attribute[index];
    if (is_float(a.variant->attribute[index])) {
        scalar.f = float(a.number[index]);
    } else {
        scalar.i = int32_t(a.number[index]);
    }
}

attune_status check_attributes(Arguments &a) {
    for (int i = 0; i < a.variant->attributes; i++) {
        const attune_attribute &declared = a.variant->attribute[i];
        if (read(a, i)) {
            if (attune_status status = check_range(a, i)) return status;
        } else if (declared.fallback.terms) {
            a.number[i] = NAN;
        } else {
            return fail(ATTUNE_BAD_VALUE, "%s: attribute '%s' is not given; it is required",
                        a.variant->name, declared.name);
        }
    }
    attune_resolve(a.variant, a.extent, a.number, a.rank);
    if (attune_status status = check_derived(a)) return status;
    for (int i = 0; i < a.variant->attributes; i++) {
        const attune_attribute &declared = a.variant->attribute[i];
        if (isnan(a.number[i])) {
            return fail(ATTUNE_BAD_VALUE, "%s: attribute '%s' = %s is not a number",
                        a.variant->name, declared.name, declared.fallback.text);
        }
        store(a, i);
    }
    return ATTUNE_OK;
}

}  // namespace attune
