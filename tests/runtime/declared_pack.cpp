#include "declared_pack.h"

#include "tables.h"

namespace declared {

using fake::formula;
using fake::output;
using fake::tensor;

namespace {

int run(void **args) { return fake::on_call ? fake::on_call(0, args) : 0; }

attune_term number(double x) { return {ATTUNE_OP_NUMBER, 0, x}; }
attune_term extent(int i) { return {ATTUNE_OP_EXTENT, i, 0}; }
attune_term attribute(int i) { return {ATTUNE_OP_ATTRIBUTE, i, 0}; }
attune_term given(int i) { return {ATTUNE_OP_GIVEN, i, 0}; }
attune_term rank(int i) { return {ATTUNE_OP_RANK, i, 0}; }
attune_term op(int code) { return {code, 0, 0}; }

const attune_formula zero = formula("0", {number(0)});

attune_tensor optional(attune_tensor t) {
    t.optional = 1;
    return t;
}

attune_tensor leading(attune_tensor t) {
    t.leading = 1;
    return t;
}

attune_tensor holds(attune_tensor t, int content, const attune_formula &low,
                    const attune_formula &high, const attune_formula &most = {}) {
    t.content = content;
    t.low = low;
    t.high = high;
    t.most = most;
    return t;
}

attune_tensor used(attune_tensor t, int by, const attune_formula &unit) {
    t.used = 1 + by;
    t.used_by = unit;
    return t;
}

// ---- pages -------------------------------------------------------------------------------------

enum { B, Lq, H, D, nPages, P, maxPages, Bplus1 };
const char *const pages_extents[] = {"B", "Lq", "H", "D", "n_pages", "P", "max_pages", "B+1"};
const attune_formula pages_derived[] = {
    {}, {}, {}, {}, {}, {}, {}, formula("B + 1", {extent(B), number(1), op(ATTUNE_OP_ADD)})};

enum { tQ, tPages, tTable, tKvLen, tCuQ, tO, tLse };
const attune_formula last_page =
    formula("n_pages - 1", {extent(nPages), number(1), op(ATTUNE_OP_SUB)});
const attune_formula room =
    formula("max_pages*P", {extent(maxPages), extent(P), op(ATTUNE_OP_MUL)});
const attune_formula page = formula("P", {extent(P)}), rows = formula("Lq", {extent(Lq)});
const attune_formula max_q = formula("max_q", {attribute(0)});

#define AT(field) offsetof(PagesArgs, field)
const attune_tensor pages_tensors[] = {
    leading(tensor("q", ATTUNE_STORAGE, {B, Lq, H, D}, AT(q))),
    tensor("pages", ATTUNE_STORAGE, {nPages, P, H, D}, AT(pages)),
    used(
        holds(tensor("table", ATTUNE_I32, {B, maxPages}, AT(table)), ATTUNE_RANGE, zero, last_page),
        tKvLen, page),
    holds(tensor("kv_len", ATTUNE_I32, {B}, AT(kv_len)), ATTUNE_RANGE, zero, room),
    optional(
        holds(tensor("cu_q", ATTUNE_I32, {Bplus1}, AT(cu_q)), ATTUNE_OFFSETS, rows, rows, max_q)),
    leading(output(tensor("o", ATTUNE_STORAGE, {B, Lq, H, D}, AT(o)))),
    leading(output(tensor("lse", ATTUNE_F32, {B, H, Lq}, AT(lse)), 1)),
};
const attune_attribute pages_attributes[] = {
    {"max_q", "", ATTUNE_INT, nullptr, rows, 0, INT32_MAX, AT(max_q)},
};
#undef AT
const attune_rule pages_rules[] = {
    {formula("", {rank(tQ), number(3), op(ATTUNE_OP_EQ), given(tCuQ), op(ATTUNE_OP_EQ)}),
     ATTUNE_BAD_VALUE, "q has 3 dimensions exactly if cu_q is given"},
    {formula("", {rank(tO), rank(tQ), op(ATTUNE_OP_EQ)}), ATTUNE_BAD_VALUE,
     "o has as many dimensions as q"},
    {formula("", {given(tLse), op(ATTUNE_OP_NOT), rank(tLse), rank(tQ), number(1),
                  op(ATTUNE_OP_SUB), op(ATTUNE_OP_EQ), op(ATTUNE_OP_OR)}),
     ATTUNE_BAD_VALUE, "lse has one dimension less than q"},
};

// ---- split -------------------------------------------------------------------------------------

enum { sLk, sD, sPages, sP, sS, sKeys };
enum { tK, tSplitPages, tPart };
enum { aNSplit, aSplitSize };
const char *const split_extents[] = {"Lk", "D", "n_pages", "P", "S", "keys"};
const attune_formula split_derived[] = {
    {},
    {},
    {},
    {},
    formula(
        "select(split_size > 0, ceil(keys/split_size), n_split)",
        {attribute(aSplitSize), number(0), op(ATTUNE_OP_GT), extent(sKeys), attribute(aSplitSize),
         op(ATTUNE_OP_DIV), op(ATTUNE_OP_CEIL), attribute(aNSplit), op(ATTUNE_OP_SELECT)}),
    formula("select(given(k), Lk, n_pages*P)", {given(tK), extent(sLk), extent(sPages), extent(sP),
                                                op(ATTUNE_OP_MUL), op(ATTUNE_OP_SELECT)})};

#define AT(field) offsetof(SplitArgs, field)
const attune_tensor split_tensors[] = {
    optional(tensor("k", ATTUNE_STORAGE, {sLk, sD}, AT(k))),
    optional(tensor("pages", ATTUNE_STORAGE, {sPages, sP, sD}, AT(pages))),
    output(tensor("part", ATTUNE_F32, {sS, sD}, AT(part))),
};
const attune_attribute split_attributes[] = {
    {"n_split", "", ATTUNE_INT, nullptr, zero, 0, INT32_MAX, AT(n_split)},
    {"split_size", "", ATTUNE_INT, nullptr, zero, 0, INT32_MAX, AT(split_size)},
};
#undef AT
const attune_rule split_rules[] = {
    {formula("", {given(tK), given(tSplitPages), op(ATTUNE_OP_NE)}), ATTUNE_BAD_VALUE,
     "either k or pages is given"},
    {formula("", {attribute(aNSplit), number(0), op(ATTUNE_OP_GT), attribute(aSplitSize), number(0),
                  op(ATTUNE_OP_GT), op(ATTUNE_OP_NE)}),
     ATTUNE_BAD_VALUE, "exactly one of n_split and split_size is given"},
};

const attune_variant variants[] = {
    {"pages", "", "", sizeof(PagesArgs), 8, 7, 1, 3, 0, pages_extents, pages_derived, pages_tensors,
     pages_attributes, pages_rules, nullptr, nullptr},
    {"split", "", "", sizeof(SplitArgs), 6, 3, 2, 2, 0, split_extents, split_derived, split_tensors,
     split_attributes, split_rules, nullptr, nullptr},
};

const attune_kernel kernels[] = {
    {"pages_f32", "x86-64", "", kPages, ATTUNE_F32, ATTUNE_CPU, 0, nullptr, run},
    {"split_bf16", "x86-64", "", kSplit, ATTUNE_BF16, ATTUNE_CPU, 0, nullptr, run},
};

}  // namespace

const attune_pack pack = {ATTUNE_ABI_VERSION, "declared", "0", 2, 2, variants, kernels};

}  // namespace declared
