/* A pack written by hand: tests of the command line need neither the generator nor its time.
 * Variant row_scale: y[b, l, d] = alpha * x[b, l, d] * w[b, l], and its row sums. It has kernels
 * for f32 and f16 storage, none for D > 4096.
 * Variant parts: part[b, s, d] = sum over the s-th `size` rows l of x[b, l, d]; with cu the rows of
 * all b lie together in x, and in part those of the last b remain. */
#include "attune_pack.h"

#include <HalideRuntime.h>
#include <math.h>

enum { B, L, D };
static const char *const extents[] = {"B", "L", "D"};

#define NUMBER(x) \
    { 1, (const attune_term[]){{ATTUNE_OP_NUMBER, 0, x}}, #x }
#define TO_L \
    { 1, (const attune_term[]){{ATTUNE_OP_EXTENT, L, 0}}, "L" }
static const attune_term rsqrt_d[] = {{ATTUNE_OP_NUMBER, 0, 1},
                                      {ATTUNE_OP_EXTENT, D, 0},
                                      {ATTUNE_OP_SQRT, 0, 0},
                                      {ATTUNE_OP_DIV, 0, 0}};
#define RSQRT_D \
    { 4, rsqrt_d, "1/sqrt(D)" }

typedef struct args {
    size_t struct_size;
    DLTensor *x, *w, *start, *y, *sum;
    float alpha;
    int32_t power, negate, mode;
} args;

static const attune_tensor tensors[] = {{.name = "x",
                                         .doc = "rows",
                                         .dtype = ATTUNE_STORAGE,
                                         .rank = 3,
                                         .extents = {B, L, D},
                                         .offset = offsetof(args, x)},
                                        {.name = "w",
                                         .doc = "weights",
                                         .optional = 1,
                                         .dtype = ATTUNE_F32,
                                         .rank = 2,
                                         .extents = {B, L},
                                         .broadcast = {1, 0},
                                         .absent = NUMBER(1),
                                         .offset = offsetof(args, w)},
                                        {.name = "start",
                                         .doc = "first row that counts",
                                         .optional = 1,
                                         .dtype = ATTUNE_I32,
                                         .rank = 1,
                                         .extents = {B},
                                         .absent = NUMBER(0),
                                         .content = ATTUNE_RANGE,
                                         .low = NUMBER(0),
                                         .high = TO_L,
                                         .offset = offsetof(args, start)},
                                        {.name = "y",
                                         .doc = "scaled rows",
                                         .output = 1,
                                         .dtype = ATTUNE_STORAGE,
                                         .rank = 3,
                                         .extents = {B, L, D},
                                         .offset = offsetof(args, y)},
                                        {.name = "sum",
                                         .doc = "row sums",
                                         .output = 1,
                                         .optional = 1,
                                         .dtype = ATTUNE_F32,
                                         .rank = 2,
                                         .extents = {B, L},
                                         .offset = offsetof(args, sum)}};

static const char *const modes[] = {"plain", "doubled", NULL};
static const attune_attribute attributes[] = {{.name = "alpha",
                                               .doc = "factor",
                                               .type = ATTUNE_FLOAT,
                                               .fallback = RSQRT_D,
                                               .low = -1e6,
                                               .high = 1e6,
                                               .offset = offsetof(args, alpha)},
                                              {.name = "power",
                                               .doc = "times 2^power",
                                               .type = ATTUNE_INT,
                                               .low = -8,
                                               .high = 8,
                                               .offset = offsetof(args, power)},
                                              {.name = "negate",
                                               .doc = "times -1",
                                               .type = ATTUNE_FLAG,
                                               .fallback = NUMBER(0),
                                               .low = 0,
                                               .high = 1,
                                               .offset = offsetof(args, negate)},
                                              {.name = "mode",
                                               .doc = "times 1 or 2",
                                               .type = ATTUNE_ENUM,
                                               .choices = modes,
                                               .fallback = NUMBER(0),
                                               .low = 0,
                                               .high = 1,
                                               .offset = offsetof(args, mode)}};

static size_t place(const halide_buffer_t *buffer, const int *at) {
    long offset = 0;
    for (int d = 0; d < buffer->dimensions; d++) offset += (long)at[d] * buffer->dim[d].stride;
    return (size_t)offset;
}

static float load(const halide_buffer_t *buffer, const int *at) {
    size_t i = place(buffer, at);
    return buffer->type.bits == 16 ? (float)((_Float16 *)buffer->host)[i]
                                   : ((float *)buffer->host)[i];
}

static void store(const halide_buffer_t *buffer, const int *at, float value) {
    size_t i = place(buffer, at);
    if (buffer->type.bits == 16)
        ((_Float16 *)buffer->host)[i] = (_Float16)value;
    else
        ((float *)buffer->host)[i] = value;
}

/* Positions are innermost first. */
static int row_scale(void **a) {
    halide_buffer_t *x = a[1], *w = a[2], *start = a[3], *y = a[8], *sum = a[9];
    float factor = ldexpf(*(float *)a[4], *(int32_t *)a[5]);
    if (*(int32_t *)a[6]) factor = -factor;
    if (*(int32_t *)a[7]) factor *= 2;
    for (int b = 0; b < x->dim[2].extent; b++)
        for (int l = 0; l < x->dim[1].extent; l++) {
            int row[] = {l, b}, first = ((int32_t *)start->host)[place(start, &b)];
            float weight = l < first ? 0 : factor * load(w, row), total = 0;
            for (int d = 0; d < x->dim[0].extent; d++) {
                int at[] = {d, l, b};
                total += weight * load(x, at);
                store(y, at, weight * load(x, at));
            }
            int at[] = {0, l, b};
            if (sum->host) store(sum, at, total);
        }
    return 0;
}

static int cost(void **a) {
    halide_buffer_t *x = a[1], *result = a[9];
    double elements = (double)x->dim[0].extent * x->dim[1].extent * x->dim[2].extent;
    double *values = (double *)result->host;
    values[0] = elements;
    values[1] = 2 * elements;
    values[2] = 2 * elements * *(int32_t *)a[8];
    return 0;
}

static const int64_t small_extents[] = {2, 64, 32};
static const double small_attributes[] = {NAN, 1, NAN, NAN};
static const attune_shape shapes[] = {
    {"row_scale_small", "", ATTUNE_F32, small_extents, small_attributes, 0},
    {"row_scale_small_bf16", "", ATTUNE_BF16, small_extents, small_attributes, 0}};

/* ---- parts */

typedef struct parts_args {
    size_t struct_size;
    DLTensor *x, *len, *cu, *table, *part;
    int32_t size;
} parts_args;

enum { Bplus1 = 3, S };
enum { X, LEN, CU, TABLE, PART };
static const char *const parts_extents[] = {"B", "L", "D", "B+1", "S"};

static const attune_term b_plus_1[] = {
    {ATTUNE_OP_EXTENT, B, 0}, {ATTUNE_OP_NUMBER, 0, 1}, {ATTUNE_OP_ADD, 0, 0}};
static const attune_term part_count[] = {{ATTUNE_OP_EXTENT, L, 0},
                                         {ATTUNE_OP_ATTRIBUTE, 0, 0},
                                         {ATTUNE_OP_DIV, 0, 0},
                                         {ATTUNE_OP_CEIL, 0, 0}};
static const attune_term last_row[] = {
    {ATTUNE_OP_EXTENT, L, 0}, {ATTUNE_OP_NUMBER, 0, 1}, {ATTUNE_OP_SUB, 0, 0}};
static const attune_formula parts_derived[] = {
    {0}, {0}, {0}, {3, b_plus_1, "B + 1"}, {4, part_count, "ceil(L/size)"}};

static const attune_term packed_x[] = {{ATTUNE_OP_RANK, X, 0},
                                       {ATTUNE_OP_NUMBER, 0, 2},
                                       {ATTUNE_OP_EQ, 0, 0},
                                       {ATTUNE_OP_GIVEN, CU, 0},
                                       {ATTUNE_OP_EQ, 0, 0}};
static const attune_term packed_part[] = {
    {ATTUNE_OP_RANK, PART, 0}, {ATTUNE_OP_RANK, X, 0}, {ATTUNE_OP_EQ, 0, 0}};
static const attune_rule parts_rules[] = {
    {{5, packed_x, ""}, ATTUNE_BAD_VALUE, "x has 2 dimensions exactly if cu is given"},
    {{3, packed_part, ""}, ATTUNE_BAD_VALUE, "part has as many dimensions as x"}};

static const attune_tensor parts_tensors[] = {
    {.name = "x",
     .doc = "rows",
     .dtype = ATTUNE_STORAGE,
     .rank = 3,
     .extents = {B, L, D},
     .leading = 1,
     .offset = offsetof(parts_args, x)},
    {.name = "len",
     .doc = "rows of each b",
     .dtype = ATTUNE_I32,
     .rank = 1,
     .extents = {B},
     .content = ATTUNE_RANGE,
     .low = NUMBER(0),
     .high = TO_L,
     .offset = offsetof(parts_args, len)},
    {.name = "cu",
     .doc = "first row of each b",
     .optional = 1,
     .dtype = ATTUNE_I32,
     .rank = 1,
     .extents = {Bplus1},
     .content = ATTUNE_OFFSETS,
     .low = TO_L,
     .high = TO_L,
     .offset = offsetof(parts_args, cu)},
    {.name = "table",
     .doc = "a row for each part",
     .optional = 1,
     .dtype = ATTUNE_I32,
     .rank = 2,
     .extents = {B, S},
     .content = ATTUNE_RANGE,
     .low = NUMBER(0),
     .high = {3, last_row, "L - 1"},
     .used = 1 + LEN,
     .used_by = NUMBER(1),
     .offset = offsetof(parts_args, table)},
    {.name = "part",
     .doc = "sums of rows",
     .output = 1,
     .dtype = ATTUNE_F32,
     .rank = 3,
     .extents = {B, S, D},
     .leading = 1,
     .offset = offsetof(parts_args, part)}};
static const attune_attribute parts_attributes[] = {{.name = "size",
                                                     .doc = "rows of a part",
                                                     .type = ATTUNE_INT,
                                                     .low = 1,
                                                     .high = 1000,
                                                     .offset = offsetof(parts_args, size)}};

static int sum_parts(void **a) {
    halide_buffer_t *x = a[1], *part = a[6];
    int size = *(int32_t *)a[5], rows = x->dim[1].extent;
    for (int b = 0; b < part->dim[2].extent; b++)
        for (int s = 0; s < part->dim[1].extent; s++)
            for (int d = 0; d < part->dim[0].extent; d++) {
                float total = 0;
                for (int l = s * size; l < rows && l < (s + 1) * size; l++) {
                    int row[] = {d, l, b};
                    total += load(x, row);
                }
                int at[] = {d, s, b};
                store(part, at, total);
            }
    return 0;
}

static int parts_cost(void **a) {
    halide_buffer_t *x = a[1], *result = a[7];
    double elements = (double)x->dim[0].extent * x->dim[1].extent * x->dim[2].extent;
    double *values = (double *)result->host;
    values[0] = values[1] = elements;
    values[2] = elements * *(int32_t *)a[6];
    return 0;
}

static const int64_t parts_shape[] = {2, 8, 4, -1, -1};
static const double parts_of_3[] = {3};
static const attune_shape parts_shapes[] = {
    {"parts_small", "", ATTUNE_F32, parts_shape, parts_of_3, 0},
    {"parts_packed", "", ATTUNE_F32, parts_shape, parts_of_3, 1 << CU | 1 << TABLE}};

static const attune_variant variants[] = {
    {"row_scale", "scales rows", "none", sizeof(args), 3, 5, 4, 0, 2, extents, NULL, tensors,
     attributes, NULL, shapes, cost},
    {"parts", "sums rows", "none", sizeof(parts_args), 5, 5, 1, 2, 2, parts_extents, parts_derived,
     parts_tensors, parts_attributes, parts_rules, parts_shapes, parts_cost}};

#if defined(__aarch64__)
#define TARGET "aarch64"
#else
#define TARGET "x86-64"
#endif
static const attune_condition wide[] = {{ATTUNE_WHEN_EXTENT, D, 64, 4096}};
static const attune_condition any_width[] = {{ATTUNE_WHEN_EXTENT, D, 1, 4096}};
static const attune_kernel kernels[] = {
    {"row_scale_f32_wide", TARGET, "UNROLL=2", 0, ATTUNE_F32, ATTUNE_CPU, 1, wide, row_scale},
    {"row_scale_f32_any", TARGET, "UNROLL=1", 0, ATTUNE_F32, ATTUNE_CPU, 1, any_width, row_scale},
    {"row_scale_f16_any", TARGET, "UNROLL=1", 0, ATTUNE_F16, ATTUNE_CPU, 1, any_width, row_scale},
    {"parts_f32_any", TARGET, "UNROLL=1", 1, ATTUNE_F32, ATTUNE_CPU, 0, any_width, sum_parts}};

static const attune_pack pack = {ATTUNE_ABI_VERSION, "fixture", "0", 2, 4, variants, kernels};

__attribute__((constructor)) static void register_fixture(void) { attune_register_pack(&pack); }
