#include <math.h>
#include <stdio.h>
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

static void set(Arguments &a, int index, double number) {
    Scalar &scalar = a.attribute[index];
    if (is_float(a.variant->attribute[index])) {
        scalar.f = float(number);
        a.number[index] = double(scalar.f);
    } else {
        const double rounded = nearbyint(number);
        scalar.i = rounded >= INT32_MAX    ? INT32_MAX
                   : rounded <= -INT32_MAX ? -INT32_MAX
                                           : int32_t(rounded);
        a.number[index] = scalar.i;
    }
}

/* Fallbacks may refer to attributes that have fallbacks themselves: resolved in rounds. */
static void use_fallbacks(Arguments &a, uint32_t *known) {
    for (int round = 0; round < a.variant->attributes; round++) {
        for (int i = 0; i < a.variant->attributes; i++) {
            const attune_value &fallback = a.variant->attribute[i].fallback;
            if (*known >> i & 1) continue;
            const bool waits =
                fallback.kind == ATTUNE_VALUE_ATTRIBUTE && !(*known >> fallback.index & 1);
            double number;
            if (waits || !value_of(a, fallback, &number)) continue;
            set(a, i, number);
            *known |= 1u << i;
        }
    }
}

struct ValueText {
    char text[80];
    ValueText(const Arguments &a, const attune_value &value, double number) {
        const attune_variant &v = *a.variant;
        if (value.kind == ATTUNE_VALUE_EXTENT) {
            snprintf(text, sizeof text, "%s = %.0f", v.extent[value.index], number);
        } else if (value.kind == ATTUNE_VALUE_ATTRIBUTE) {
            snprintf(text, sizeof text, "%s = %g", v.attribute[value.index].name, number);
        } else {
            snprintf(text, sizeof text, "%g", number);
        }
    }
};

static attune_status check_rules(const Arguments &a) {
    for (int r = 0; r < a.variant->rules; r++) {
        const attune_rule &rule = a.variant->rule[r];
        double divisor, dividend;
        if (!value_of(a, rule.divisor, &divisor) || !value_of(a, rule.dividend, &dividend))
            continue;
        if (divisor == 0 ? dividend == 0 : fmod(dividend, divisor) == 0) continue;
        return fail(ATTUNE_BAD_EXTENT, "%s: %s is not a multiple of %s", a.variant->name,
                    ValueText(a, rule.dividend, dividend).text,
                    ValueText(a, rule.divisor, divisor).text);
    }
    return ATTUNE_OK;
}

/* Tensors that some value of an attribute makes necessary. */
static attune_status check_needed(const Arguments &a) {
    for (int i = 0; i < a.variant->tensors; i++) {
        const attune_tensor &t = a.variant->tensor[i];
        if (a.tensor[i] || !t.needed_by) continue;
        const attune_attribute &by = a.variant->attribute[t.needed_by - 1];
        if (a.number[t.needed_by - 1] != t.needed_value) continue;
        char value[32];
        snprintf(value, sizeof value, "%g", t.needed_value);
        return fail(ATTUNE_NULL_ARGUMENT, "%s: tensor '%s' is NULL; %s = %s requires it",
                    a.variant->name, t.name, by.name,
                    by.choices ? by.choices[int(t.needed_value)] : value);
    }
    return ATTUNE_OK;
}

attune_status check_attributes(Arguments &a) {
    uint32_t known = 0;
    for (int i = 0; i < a.variant->attributes; i++) {
        if (!read(a, i)) continue;
        if (attune_status status = check_range(a, i)) return status;
        known |= 1u << i;
    }
    use_fallbacks(a, &known);
    for (int i = 0; i < a.variant->attributes; i++) {
        if (known >> i & 1) continue;
        return fail(ATTUNE_BAD_VALUE, "%s: attribute '%s' is not given; it is required",
                    a.variant->name, a.variant->attribute[i].name);
    }
    if (attune_status status = check_needed(a)) return status;
    return check_rules(a);
}

}  // namespace attune
