/* Numbers that follow from what a call gives: see attune_formula. */
#include <math.h>

#include "attune_pack.h"

namespace attune {

static int operands(int op) {
    return op <= ATTUNE_OP_RANK ? 0 : op <= ATTUNE_OP_SQRT ? 1 : op < ATTUNE_OP_SELECT ? 2 : 3;
}

static double fact(const attune_term &term, const attune_facts &facts) {
    switch (term.op) {
        case ATTUNE_OP_EXTENT: {
            const int64_t extent = facts.extent[term.index];
            return extent < 0 ? NAN : double(extent);
        }
        case ATTUNE_OP_ATTRIBUTE:
            return facts.attribute[term.index];
        case ATTUNE_OP_GIVEN:
            return facts.rank[term.index] >= 0;
        case ATTUNE_OP_RANK:
            return fmax(facts.rank[term.index], 0);
        default:
            return term.number;
    }
}

static double of_one(int op, double x) {
    if (isnan(x)) return NAN;
    switch (op) {
        case ATTUNE_OP_NOT:
            return x == 0;
        case ATTUNE_OP_FLOOR:
            return floor(x);
        case ATTUNE_OP_CEIL:
            return ceil(x);
        default:
            return sqrt(x);
    }
}

static double of_two(int op, double x, double y) {
    if (isnan(x) || isnan(y)) return NAN;
    switch (op) {
        case ATTUNE_OP_ADD:
            return x + y;
        case ATTUNE_OP_SUB:
            return x - y;
        case ATTUNE_OP_MUL:
            return x * y;
        case ATTUNE_OP_DIV:
            return y == 0 ? 0 : x / y;
        case ATTUNE_OP_MOD:
            return y == 0 ? x : fmod(x, y);
        case ATTUNE_OP_LT:
            return x < y;
        case ATTUNE_OP_LE:
            return x <= y;
        case ATTUNE_OP_GT:
            return x > y;
        case ATTUNE_OP_GE:
            return x >= y;
        case ATTUNE_OP_EQ:
            return x == y;
        case ATTUNE_OP_NE:
            return x != y;
        case ATTUNE_OP_AND:
            return x != 0 && y != 0;
        case ATTUNE_OP_OR:
            return x != 0 || y != 0;
        case ATTUNE_OP_MIN:
            return fmin(x, y);
        default:
            return fmax(x, y);
    }
}

static double apply(int op, const double *x) {
    switch (operands(op)) {
        case 1:
            return of_one(op, x[0]);
        case 2:
            return of_two(op, x[0], x[1]);
        default:
            return isnan(x[0]) ? NAN : x[0] != 0 ? x[1] : x[2];  // the other may be unknown
    }
}

/* As the attribute's type holds it. */
static double held(const attune_attribute &attribute, double number) {
    if (attribute.type == ATTUNE_FLOAT) return double(float(number));
    return fmin(fmax(nearbyint(number), -INT32_MAX), INT32_MAX);
}

static bool find_extent(const attune_formula &formula, const attune_facts &facts, int64_t *extent) {
    const double number = attune_evaluate(&formula, &facts);
    if (!(number >= 0 && number <= INT32_MAX) || number != floor(number)) return false;
    *extent = int64_t(number);
    return true;
}

/* False: no further number is known. */
static bool resolve_some(const attune_variant &v, int64_t *extent, double *attribute,
                         const int *rank) {
    const attune_facts facts = {extent, attribute, rank};
    bool any = false;
    for (int s = 0; s < v.extents && v.derived; s++) {
        if (extent[s] >= 0 || v.derived[s].terms == 0) continue;
        any |= find_extent(v.derived[s], facts, &extent[s]);
    }
    for (int i = 0; i < v.attributes; i++) {
        if (!isnan(attribute[i])) continue;
        const double number = attune_evaluate(&v.attribute[i].fallback, &facts);
        if (isnan(number)) continue;
        attribute[i] = held(v.attribute[i], number);
        any = true;
    }
    return any;
}

}  // namespace attune

extern "C" {

double attune_evaluate(const attune_formula *formula, const attune_facts *facts) {
    double stack[ATTUNE_MAX_DEPTH];
    int top = 0;
    for (int i = 0; i < formula->terms; i++) {
        const attune_term &term = formula->term[i];
        const int taken = attune::operands(term.op);
        top -= taken;
        if (top < 0 || top >= ATTUNE_MAX_DEPTH) return NAN;
        stack[top] = taken == 0 ? attune::fact(term, *facts) : attune::apply(term.op, stack + top);
        top++;
    }
    return top == 1 ? stack[0] : NAN;
}

void attune_resolve(const attune_variant *variant, int64_t *extent, double *attribute,
                    const int *rank) {
    while (attune::resolve_some(*variant, extent, attribute, rank)) continue;
}

}  // extern "C"
