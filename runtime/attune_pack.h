/* What a kernel pack says about itself: constant tables that `attune generate` writes from the
 * declarations of the variants. libattune checks arguments and picks kernels by these tables alone,
 * and so do the command line, the benchmarks and the tests. All names are static strings.
 */
#ifndef ATTUNE_PACK_H
#define ATTUNE_PACK_H

#include "attune.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ATTUNE_MAX_RANK = 5, ATTUNE_MAX_EXTENTS = 16, ATTUNE_MAX_TENSORS = 24,
       ATTUNE_MAX_ATTRIBUTES = 16, ATTUNE_MAX_DEPTH = 16 };

/* A number known when a call is made, as a formula in postfix order. Arithmetic is that of doubles;
 * x / 0 is 0 and x % 0 is x; what is true is 1, what is false 0. */
enum attune_op {
    ATTUNE_OP_NUMBER = 0, /* number */
    ATTUNE_OP_EXTENT,     /* extent `index` of the variant */
    ATTUNE_OP_ATTRIBUTE,  /* attribute `index` of the variant */
    ATTUNE_OP_GIVEN,      /* whether tensor `index` is given */
    ATTUNE_OP_RANK,       /* dimensions of the DLTensor given as tensor `index`; 0 if absent */
    /* of the last result */
    ATTUNE_OP_NOT, ATTUNE_OP_FLOOR, ATTUNE_OP_CEIL, ATTUNE_OP_SQRT,
    /* of the last two results */
    ATTUNE_OP_ADD, ATTUNE_OP_SUB, ATTUNE_OP_MUL, ATTUNE_OP_DIV, ATTUNE_OP_MOD,
    ATTUNE_OP_LT, ATTUNE_OP_LE, ATTUNE_OP_GT, ATTUNE_OP_GE, ATTUNE_OP_EQ, ATTUNE_OP_NE,
    ATTUNE_OP_AND, ATTUNE_OP_OR, ATTUNE_OP_MIN, ATTUNE_OP_MAX,
    /* of the last three: a condition, the result if it holds, the result if not */
    ATTUNE_OP_SELECT
};
typedef struct attune_term {
    int op, index;
    double number;
} attune_term;
typedef struct attune_formula {
    int terms; /* 0: there is none */
    const attune_term *term;
    const char *text; /* as a reader writes it: "1/sqrt(D)" */
} attune_formula;

enum attune_dtype { /* of a tensor in a declaration, and of a kernel's storage */
    ATTUNE_STORAGE = 0, /* whatever the call stores: f32, f16 or bf16; one for all such tensors */
    ATTUNE_F32, ATTUNE_F16, ATTUNE_BF16, ATTUNE_I32, ATTUNE_U8
};

/* What index tensors may hold, and how a benchmark fills a tensor. */
enum attune_content {
    ATTUNE_ANY = 0,     /* benchmarks: N(0, 1) */
    ATTUNE_RANGE,       /* integers low <= x <= high; benchmarks: high */
    ATTUNE_PERMUTATION, /* the last dimension holds each of 0..extent-1 once; benchmarks: random */
    ATTUNE_OFFSETS      /* the last dimension starts with 0, never falls, rises by at most `most`
                           a step, ends at low <= x <= high; benchmarks: equal steps to high */
};

typedef struct attune_tensor {
    const char *name, *doc;
    int output;   /* 0: input, 1: output */
    int optional; /* may be NULL in the args */
    int dtype;    /* enum attune_dtype */
    int rank;
    int extents[ATTUNE_MAX_RANK];   /* outermost first: index of the extent's symbol */
    int broadcast[ATTUNE_MAX_RANK]; /* 1: that extent may also be 1 */
    int leading; /* so many outermost dimensions may be left out, together: 1 of [B, Hq] */
    int needed_by;       /* 0, or 1 + index of an attribute: required exactly when that attribute */
    double needed_value; /* has this value */
    attune_formula absent; /* optional input: every element when it is NULL; no terms: not read */
    int content;           /* enum attune_content */
    attune_formula low, high, most;
    /* 0, or 1 + index of an i32 tensor: of row b of this one only the first ceil(its element b /
     * used_by) are read; the others hold anything. */
    int used;
    attune_formula used_by;
    size_t offset; /* of the DLTensor* in the args */
} attune_tensor;

enum attune_attribute_type { ATTUNE_INT = 0, ATTUNE_FLOAT, ATTUNE_FLAG, ATTUNE_ENUM };

/* In the args an int, flag or enum is an int32_t, a float a float. INT32_MIN and NaN mean "not
 * given": then `fallback` counts, and without one the attribute is required. */
typedef struct attune_attribute {
    const char *name, *doc;
    int type;
    const char *const *choices; /* enum: its strings, NULL at the end; else NULL */
    attune_formula fallback;
    double low, high; /* inclusive */
    size_t offset;
} attune_attribute;

/* What must hold, or else the call ends with `status` and `text`. */
typedef struct attune_rule {
    attune_formula holds;
    int status;
    const char *text;
} attune_rule;

/* A size that has a name, for benchmarks. */
typedef struct attune_shape {
    const char *name;
    const char *order;           /* memory order of rank-4 storage tensors, e.g. "0213" */
    int dtype;                   /* ATTUNE_F32, ... */
    const int64_t *extents;      /* one a symbol; -1: derived, or of absent tensors only */
    const double *attributes;    /* one an attribute; NaN: not given */
    uint32_t present;            /* bit t: optional tensor t is given */
} attune_shape;

/* A kernel is chosen only if all its conditions hold. */
enum attune_condition_kind {
    ATTUNE_WHEN_ABSENT = 0, /* tensor `index` is NULL */
    ATTUNE_WHEN_EXTENT,     /* low <= extent `index` <= high */
    ATTUNE_WHEN_ATTRIBUTE,  /* low <= attribute `index` <= high */
    ATTUNE_WHEN_GIVEN       /* tensor `index` is not NULL */
};
typedef struct attune_condition {
    int kind, index;
    double low, high;
} attune_condition;

enum attune_device { ATTUNE_CPU = 0, ATTUNE_OPENCL, ATTUNE_CUDA };

/* args: a pointer to the call's user_context, a halide_buffer_t* for each input tensor in order of
 * declaration, a pointer to each attribute's int32_t or float in order, a halide_buffer_t* for each
 * output tensor. Dimensions of a buffer run innermost first. Each output has the dimensions of the
 * variant's first output: those that it lacks have stride 0. */
typedef int (*attune_kernel_call)(void **args);

typedef struct attune_kernel {
    const char *name;     /* e.g. dense_f32_d64_band_avx512 */
    const char *target;   /* avx512 */
    const char *schedule; /* e.g. "TQ=64 C=128 MR=4 G=4" */
    int variant;
    int dtype;  /* of storage */
    int device; /* enum attune_device */
    int conditions;
    const attune_condition *condition;
    attune_kernel_call call;
} attune_kernel;

typedef struct attune_variant {
    const char *name, *doc, *source; /* source: paper, section */
    size_t args_size;
    int extents, tensors, attributes, rules, shapes;
    const char *const *extent; /* symbols: "B", "Lq", ... */
    /* One a symbol, or NULL: if it has terms, the formula decides the symbol, not the tensors. */
    const attune_formula *derived;
    const attune_tensor *tensor; /* inputs first, then outputs */
    const attune_attribute *attribute;
    const attune_rule *rule;
    const attune_shape *shape;
    /* {pairs, flops, bytes}: args as of a kernel, then a pointer to the storage type's size in
     * bytes (int32_t) in place of the outputs, then a halide_buffer_t* of 3 doubles. */
    attune_kernel_call cost;
} attune_variant;

struct attune_pack {
    int abi_version;
    const char *name, *version; /* version of the generator */
    int variants, kernels;
    const attune_variant *variant;
    const attune_kernel *kernel; /* of one variant and target: the most special first */
};

/* A pack registers itself when it is loaded; generated code calls this. */
ATTUNE_API void attune_register_pack(const attune_pack *pack);

/* What is known of a call. */
typedef struct attune_facts {
    const int64_t *extent;   /* one a symbol; negative: not known */
    const double *attribute; /* one an attribute; NaN: not known */
    const int *rank;         /* one a tensor: dimensions of the DLTensor; negative: absent */
} attune_facts;

/* NaN: there is no formula, or what it needs is not known. */
ATTUNE_API double attune_evaluate(const attune_formula *formula, const attune_facts *facts);

/* Fills in derived extents and the fallbacks of attributes where what they need is known. */
ATTUNE_API void attune_resolve(const attune_variant *variant, int64_t *extent, double *attribute,
                               const int *rank);

#ifdef __cplusplus
}
#endif
#endif
