/* What follows from several arguments together: derived extents, tensors that an attribute needs,
 * rules of the variant. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "error.h"

namespace attune {

/* "; n_split = 2, k absent": what a formula uses. */
struct Operands {
    char text[256] = "";

    Operands(const Arguments &a, const attune_formula &formula) {
        for (int i = 0; i < formula.terms; i++) {
            char one[80];
            if (!describe(a, formula.term[i], one, sizeof one) || seen(formula, i)) continue;
            const size_t length = strlen(text);
            snprintf(text + length, sizeof text - length, "%s%s", length ? ", " : "; ", one);
        }
    }

private:
    static bool seen(const attune_formula &formula, int i) {
        const attune_term *term = formula.term;
        for (int j = 0; j < i; j++) {
            if (term[j].op == term[i].op && term[j].index == term[i].index) return true;
        }
        return false;
    }

    /* False: the term stands for nothing of the call. */
    static bool describe(const Arguments &a, const attune_term &term, char *to, size_t size) {
        const attune_variant &v = *a.variant;
        const int i = term.index;
        switch (term.op) {
            case ATTUNE_OP_EXTENT:
                return snprintf(to, size, "%s = %lld", v.extent[i], (long long)a.extent[i]) > 0;
            case ATTUNE_OP_ATTRIBUTE:
                return describe_attribute(v.attribute[i], a.number[i], to, size);
            case ATTUNE_OP_GIVEN:
                return snprintf(to, size, "%s %s", v.tensor[i].name,
                                a.tensor[i] ? "given" : "absent") > 0;
            case ATTUNE_OP_RANK:
                return snprintf(to, size, "%s has %d dimensions", v.tensor[i].name,
                                a.tensor[i] ? a.rank[i] : 0) > 0;
            default:
                return false;
        }
    }

    static bool describe_attribute(const attune_attribute &attribute, double number, char *to,
                                   size_t size) {
        if (attribute.type != ATTUNE_ENUM)
            return snprintf(to, size, "%s = %.9g", attribute.name, number) > 0;
        return snprintf(to, size, "%s = %s", attribute.name, attribute.choices[int(number)]) > 0;
    }
};

/* A formula must give what an extent can be. */
attune_status check_derived(const Arguments &a) {
    for (int s = 0; s < a.variant->extents; s++) {
        if (!is_derived(*a.variant, s) || a.extent[s] >= 0) continue;
        const attune_formula &formula = a.variant->derived[s];
        return fail(ATTUNE_BAD_EXTENT, "%s: extent %s = %s is %g; expected an integer 0..%d%s",
                    a.variant->name, a.variant->extent[s], formula.text, value_of(a, formula),
                    INT32_MAX, Operands(a, formula).text);
    }
    return ATTUNE_OK;
}

static attune_status check_dimension(const Arguments &a, int index, int d) {
    const attune_tensor &t = a.variant->tensor[index];
    const int symbol = t.extents[d], p = position(t, *a.tensor[index], d);
    if (p < 0 || !is_derived(*a.variant, symbol)) return ATTUNE_OK;
    const int64_t extent = a.tensor[index]->shape[p];
    if (extent == a.extent[symbol] || (extent == 1 && may_be_one(t, d))) return ATTUNE_OK;
    const attune_formula &formula = a.variant->derived[symbol];
    return fail(ATTUNE_BAD_EXTENT, "%s: extent %s of tensor '%s' is %lld; expected %s = %lld%s",
                a.variant->name, a.variant->extent[symbol], t.name, (long long)extent, formula.text,
                (long long)a.extent[symbol], Operands(a, formula).text);
}

/* The tensors' extents that formulas decide. */
static attune_status check_dimensions(const Arguments &a) {
    for (int i = 0; i < a.variant->tensors; i++) {
        for (int d = 0; a.tensor[i] && d < a.variant->tensor[i].rank; d++) {
            if (attune_status status = check_dimension(a, i, d)) return status;
        }
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

attune_status check_rules(const Arguments &a) {
    if (attune_status status = check_needed(a)) return status;
    for (int r = 0; r < a.variant->rules; r++) {
        const attune_rule &rule = a.variant->rule[r];
        if (value_of(a, rule.holds) != 0) continue;
        return fail(attune_status(rule.status), "%s: %s%s", a.variant->name, rule.text,
                    Operands(a, rule.holds).text);
    }
    return check_dimensions(a);
}

}  // namespace attune
