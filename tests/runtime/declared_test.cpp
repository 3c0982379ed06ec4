// Formulas of a declaration: what they evaluate to, and what libattune checks by them.
#include "declared_pack.h"
#include "fixture.h"
#include "tables.h"

// ---- Formulas ----------------------------------------------------------------------------------

static double evaluate(std::initializer_list<attune_term> terms) {
    static const int64_t extents[] = {12, -1};
    static const double attributes[] = {0.5, NAN};
    static const int ranks[] = {3, -1};
    const attune_formula formula = fake::formula("", terms);
    const attune_facts facts = {extents, attributes, ranks};
    return attune_evaluate(&formula, &facts);
}

static attune_term n(double x) { return {ATTUNE_OP_NUMBER, 0, x}; }

TEST(Formula, Facts) {
    EXPECT_EQ(evaluate({n(7)}), 7);
    EXPECT_EQ(evaluate({{ATTUNE_OP_EXTENT, 0, 0}}), 12);
    EXPECT_TRUE(std::isnan(evaluate({{ATTUNE_OP_EXTENT, 1, 0}})));
    EXPECT_EQ(evaluate({{ATTUNE_OP_ATTRIBUTE, 0, 0}}), 0.5);
    EXPECT_EQ(evaluate({{ATTUNE_OP_GIVEN, 0, 0}}), 1);
    EXPECT_EQ(evaluate({{ATTUNE_OP_GIVEN, 1, 0}}), 0);
    EXPECT_EQ(evaluate({{ATTUNE_OP_RANK, 0, 0}}), 3);
    EXPECT_EQ(evaluate({{ATTUNE_OP_RANK, 1, 0}}), 0);
    EXPECT_TRUE(std::isnan(evaluate({})));
}

TEST(Formula, Operators) {
    struct Case {
        int op;
        double x, y, result;
    };
    const Case cases[] = {
        {ATTUNE_OP_ADD, 7, 2, 9},   {ATTUNE_OP_SUB, 2, 7, -5}, {ATTUNE_OP_MUL, 7, 2, 14},
        {ATTUNE_OP_DIV, 7, 2, 3.5}, {ATTUNE_OP_DIV, 7, 0, 0},  {ATTUNE_OP_MOD, 7, 2, 1},
        {ATTUNE_OP_MOD, 7, 0, 7},   {ATTUNE_OP_LT, 2, 2, 0},   {ATTUNE_OP_LE, 2, 2, 1},
        {ATTUNE_OP_GT, 3, 2, 1},    {ATTUNE_OP_GE, 1, 2, 0},   {ATTUNE_OP_EQ, 2, 2, 1},
        {ATTUNE_OP_NE, 2, 2, 0},    {ATTUNE_OP_AND, 2, 0, 0},  {ATTUNE_OP_AND, 2, 3, 1},
        {ATTUNE_OP_OR, 0, 3, 1},    {ATTUNE_OP_OR, 0, 0, 0},   {ATTUNE_OP_MIN, 2, 3, 2},
        {ATTUNE_OP_MAX, 2, 3, 3}};
    for (const Case &c : cases)
        EXPECT_EQ(evaluate({n(c.x), n(c.y), {c.op, 0, 0}}), c.result) << c.op << ": " << c.x;
    EXPECT_EQ(evaluate({n(2.5), {ATTUNE_OP_FLOOR, 0, 0}}), 2);
    EXPECT_EQ(evaluate({n(2.5), {ATTUNE_OP_CEIL, 0, 0}}), 3);
    EXPECT_EQ(evaluate({n(9), {ATTUNE_OP_SQRT, 0, 0}}), 3);
    EXPECT_EQ(evaluate({n(9), {ATTUNE_OP_NOT, 0, 0}}), 0);
}

TEST(Formula, WhatIsNotKnownMattersOnlyWhereItIsUsed) {
    const attune_term unknown = {ATTUNE_OP_ATTRIBUTE, 1, 0}, select = {ATTUNE_OP_SELECT, 0, 0};
    EXPECT_EQ(evaluate({n(1), n(5), unknown, select}), 5);
    EXPECT_TRUE(std::isnan(evaluate({n(0), n(5), unknown, select})));
    EXPECT_TRUE(std::isnan(evaluate({unknown, n(5), n(5), select})));
    EXPECT_TRUE(std::isnan(evaluate({unknown, n(5), {ATTUNE_OP_LT, 0, 0}})));
}

TEST(Formula, MalformedProgramsAreNotANumber) {
    EXPECT_TRUE(std::isnan(evaluate({n(1), n(2)})));
    EXPECT_TRUE(std::isnan(evaluate({n(1), {ATTUNE_OP_ADD, 0, 0}})));
    EXPECT_TRUE(std::isnan(evaluate({n(1), n(1), n(1), n(1), n(1), n(1), n(1), n(1), n(1), n(1),
                                     n(1), n(1), n(1), n(1), n(1), n(1), n(1)})));
}

// ---- Calls -------------------------------------------------------------------------------------

// B 2, Lq 3, H 2, D 4; 5 pages of 3 keys, up to 4 a sequence. Packed: 3 queries of both together.
struct PagesCall {
    Tensor q{2, 3, 2, 4}, packed_q{3, 2, 4}, pages{5, 3, 2, 4}, table{{2, 4}, kI32},
        kv_len{{2}, kI32}, cu_q{{3}, kI32}, o{2, 3, 2, 4}, packed_o{3, 2, 4}, lse{2, 2, 3},
        packed_lse{2, 3};
    declared::PagesArgs args;

    PagesCall() {
        table.fill<int32_t>(-9, 0);  // not read
        int32_t *pages_of = table.data<int32_t>(), *lengths = kv_len.data<int32_t>();
        pages_of[0] = 4, pages_of[1] = 0, pages_of[4] = 2;
        lengths[0] = 4, lengths[1] = 3;
        int32_t *offsets = cu_q.data<int32_t>();
        offsets[0] = 0, offsets[1] = 2, offsets[2] = 3;
        args.q = &q.dl;
        args.pages = &pages.dl;
        args.table = &table.dl;
        args.kv_len = &kv_len.dl;
        args.o = &o.dl;
        args.lse = &lse.dl;
    }
    void pack() {
        args.q = &packed_q.dl;
        args.cu_q = &cu_q.dl;
        args.o = &packed_o.dl;
        args.lse = &packed_lse.dl;
    }
    attune_status call(attune_context *context) {
        return attune_call(context, &declared::pack, declared::kPages, &args);
    }
};

// Lk 10, D 4; or 3 pages of 4 keys.
struct SplitCall {
    Tensor k{{10, 4}, kBf16}, pages{{3, 4, 4}, kBf16}, part{3, 4};
    declared::SplitArgs args;

    SplitCall() {
        args.k = &k.dl;
        args.part = &part.dl;
        args.n_split = 3;
    }
    attune_status call(attune_context *context) {
        return attune_call(context, &declared::pack, declared::kSplit, &args);
    }
};

template <typename Call>
struct Wrong {
    const char *name;
    attune_status status;
    const char *message;
    std::function<void(Call &)> spoil;
};

template <typename Call>
static void expect_refused(const Wrong<Call> &wrong) {
    bool called = false;
    HookGuard hook([&](int, void **) { return called = true, 0; });
    Context context = make_context(options());
    Call call;
    wrong.spoil(call);
    EXPECT_EQ(call.call(context.get()), wrong.status) << wrong.name;
    EXPECT_EQ(std::string(attune_error_message()), wrong.message) << wrong.name;
    EXPECT_FALSE(called) << wrong.name;
}

TEST(Declared, BadPages) {
    const Wrong<PagesCall> cases[] = {
        {"rule on dimensions", ATTUNE_BAD_VALUE,
         "pages: q has 3 dimensions exactly if cu_q is given; q has 4 dimensions, cu_q given",
         [](auto &c) { c.args.cu_q = &c.cu_q.dl; }},
        {"output keeps its first dimension", ATTUNE_BAD_VALUE,
         "pages: o has as many dimensions as q; o has 4 dimensions, q has 3 dimensions",
         [](auto &c) { c.pack(), c.args.o = &c.o.dl; }},
        {"optional output keeps it", ATTUNE_BAD_VALUE,
         "pages: lse has one dimension less than q; lse given, lse has 3 dimensions, q has 3 "
         "dimensions",
         [](auto &c) { c.pack(), c.args.lse = &c.lse.dl; }},
        {"derived extent", ATTUNE_BAD_EXTENT,
         "pages: extent B+1 of tensor 'cu_q' is 2; expected B + 1 = 3; B = 2",
         [](auto &c) { c.pack(), c.cu_q.extent(0) = 2; }},
        {"first offset", ATTUNE_BAD_VALUE,
         "pages: tensor 'cu_q' holds offset 1 at [0]; expected 0..0",
         [](auto &c) { c.pack(), c.cu_q.template data<int32_t>()[0] = 1; }},
        {"falling offset", ATTUNE_BAD_VALUE,
         "pages: tensor 'cu_q' holds offset 1 at [2]; expected 2..3",
         [](auto &c) { c.pack(), c.cu_q.template data<int32_t>()[2] = 1; }},
        {"offset beyond the rows", ATTUNE_BAD_VALUE,
         "pages: tensor 'cu_q' holds offset 4 at [1]; expected 0..3",
         [](auto &c) { c.pack(), c.cu_q.template data<int32_t>()[1] = 4; }},
        {"last offset", ATTUNE_BAD_VALUE,
         "pages: tensor 'cu_q' holds offset 2 at [2]; expected 3..3",
         [](auto &c) { c.pack(), c.cu_q.template data<int32_t>()[2] = 2; }},
        {"step of offsets", ATTUNE_BAD_VALUE,
         "pages: tensor 'cu_q' holds offset 2 at [1]; expected 0..1",
         [](auto &c) { c.pack(), c.args.max_q = 1; }},
        {"page of a table", ATTUNE_BAD_VALUE,
         "pages: tensor 'table' holds 5 at [0, 1]; expected 0..4",
         [](auto &c) { c.table.template data<int32_t>()[1] = 5; }},
        {"entry that is read", ATTUNE_BAD_VALUE,
         "pages: tensor 'table' holds -9 at [1, 1]; expected 0..4",
         [](auto &c) { c.kv_len.template data<int32_t>()[1] = 4; }},
        {"length of a table's row", ATTUNE_BAD_VALUE,
         "pages: tensor 'kv_len' holds 13 at [1]; expected 0..12",
         [](auto &c) {
             c.table.template fill<int32_t>(0, 0);
             c.kv_len.template data<int32_t>()[1] = 13;
         }},
        {"negative length", ATTUNE_BAD_VALUE,
         "pages: tensor 'kv_len' holds -1 at [0]; expected 0..12",
         [](auto &c) { c.kv_len.template data<int32_t>()[0] = -1; }},
    };
    for (const auto &wrong : cases) expect_refused(wrong);
}

TEST(Declared, BadSplit) {
    const Wrong<SplitCall> cases[] = {
        {"both", ATTUNE_BAD_VALUE,
         "split: exactly one of n_split and split_size is given; n_split = 3, split_size = 64",
         [](auto &c) { c.args.split_size = 64; }},
        {"neither", ATTUNE_BAD_VALUE,
         "split: exactly one of n_split and split_size is given; n_split = 0, split_size = 0",
         [](auto &c) { c.args.n_split = INT32_MIN; }},
        {"two kinds of keys", ATTUNE_BAD_VALUE,
         "split: either k or pages is given; k given, pages given",
         [](auto &c) { c.args.pages = &c.pages.dl; }},
        {"no keys", ATTUNE_BAD_VALUE, "split: either k or pages is given; k absent, pages absent",
         [](auto &c) { c.args.k = nullptr; }},
        {"parts", ATTUNE_BAD_EXTENT,
         "split: extent S of tensor 'part' is 3; expected select(split_size > 0, "
         "ceil(keys/split_size), n_split) = 4; split_size = 3, keys = 10, n_split = 0",
         [](auto &c) { c.args.n_split = 0, c.args.split_size = 3; }},
        {"keys beyond 32 bits", ATTUNE_BAD_EXTENT,
         "split: extent keys = select(given(k), Lk, n_pages*P) is 4.29497e+09; expected an integer "
         "0..2147483647; k absent, Lk = 0, n_pages = 65536, P = 65536",
         [](auto &c) {
             c.args.k = nullptr, c.args.pages = &c.pages.dl;
             c.pages.extent(0) = c.pages.extent(1) = 65536;
         }},
        {"storage", ATTUNE_BAD_DTYPE, "split: tensor 'part' has dtype bf16; expected f32",
         [](auto &c) { c.part.dl.dtype = kBf16; }},
    };
    for (const auto &wrong : cases) expect_refused(wrong);
}

// Extents and strides of an argument, innermost first.
static std::vector<std::vector<int>> dimensions(void **args, int i) {
    const halide_buffer_t *b = static_cast<halide_buffer_t *>(args[i]);
    std::vector<std::vector<int>> result(2);
    for (int d = 0; d < b->dimensions; d++) {
        result[0].push_back(b->dim[d].extent);
        result[1].push_back(b->dim[d].stride);
    }
    return result;
}
using Dimensions = std::vector<std::vector<int>>;

TEST(Declared, OutputsWithTheirFirstDimension) {
    Context context = make_context(options());
    PagesCall call;
    HookGuard hook([&](int, void **args) {
        EXPECT_EQ(dimensions(args, 1), (Dimensions{{4, 2, 3, 2}, {1, 4, 8, 24}}));
        EXPECT_EQ(dimensions(args, 5), (Dimensions{{3}, {1}}));  // cu_q, absent and not read
        EXPECT_EQ(*static_cast<int32_t *>(args[6]), 3);          // max_q
        EXPECT_EQ(dimensions(args, 7), (Dimensions{{4, 2, 3, 2}, {1, 4, 8, 24}}));
        EXPECT_EQ(dimensions(args, 8), (Dimensions{{4, 2, 3, 2}, {0, 3, 1, 6}}));
        return 0;
    });
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
}

// Without it they have the stride 0 there; so has scratch in place of an absent one.
TEST(Declared, OutputsWithoutTheirFirstDimension) {
    Context context = make_context(options());
    for (bool lse : {true, false}) {
        PagesCall call;
        call.pack();
        if (!lse) call.args.lse = nullptr;
        int calls = 0;
        HookGuard hook([&](int, void **args) {
            EXPECT_EQ(dimensions(args, 1), (Dimensions{{4, 2, 3, 2}, {1, 4, 8, 0}}));
            EXPECT_EQ(dimensions(args, 5), (Dimensions{{3}, {1}}));
            EXPECT_EQ(dimensions(args, 7), (Dimensions{{4, 2, 3, 2}, {1, 4, 8, 0}}));
            EXPECT_EQ(dimensions(args, 8), (Dimensions{{4, 2, 3, 2}, {0, 3, 1, 0}}));
            const void *host = static_cast<halide_buffer_t *>(args[8])->host;
            EXPECT_EQ(host == call.packed_lse.dl.data, lse);
            return calls++, 0;
        });
        EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
        EXPECT_EQ(calls, 1);
    }
}

TEST(Declared, EmptySequencesAndTables) {
    Context context = make_context(options());
    PagesCall call;
    call.pack();
    call.table.fill<int32_t>(-9, 0);
    call.kv_len.fill<int32_t>(0, 0);
    call.cu_q.data<int32_t>()[1] = 0;
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
}

TEST(Declared, FormulasDecideThePartsOfEitherKindOfKeys) {
    Context context = make_context(options());
    SplitCall call;
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    call.args.n_split = 0, call.args.split_size = 4;
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    call.args.k = nullptr, call.args.pages = &call.pages.dl;
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    call.args.split_size = 5;  // ceil(12 / 5)
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    call.args.split_size = 6;
    EXPECT_EQ(call.call(context.get()), ATTUNE_BAD_EXTENT);
}

// f32 outputs beside 16-bit storage.
TEST(Declared, FixedTypesBesideStorage) {
    Context context = make_context(options());
    SplitCall call;
    HookGuard hook([&](int, void **args) {
        EXPECT_EQ(static_cast<halide_buffer_t *>(args[1])->type.bits, 16);
        EXPECT_EQ(static_cast<halide_buffer_t *>(args[5])->type.bits, 32);
        return 0;
    });
    EXPECT_EQ(call.call(context.get()), ATTUNE_OK) << attune_error_message();
    call.k.dl.dtype = kF16;
    EXPECT_EQ(call.call(context.get()), ATTUNE_NO_KERNEL);
}

// What the command line sizes outputs by.
TEST(Declared, ResolveFillsInWhatIsKnown) {
    const attune_variant &split = declared::pack.variant[declared::kSplit];
    int64_t extents[] = {10, 4, -1, -1, -1, -1};
    double attributes[] = {NAN, 4};
    const int ranks[] = {2, -1, -1};
    attune_resolve(&split, extents, attributes, ranks);
    EXPECT_EQ(extents[5], 10);
    EXPECT_EQ(extents[4], 3);
    EXPECT_EQ(attributes[0], 0);
    int64_t unknown[] = {-1, 4, -1, -1, -1, -1};
    attune_resolve(&split, unknown, attributes, ranks);
    EXPECT_EQ(unknown[4], -1);
}
