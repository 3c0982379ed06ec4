#include "fake_pack.h"
#include "tables.h"

#include <cstring>
#include <limits>

namespace fake {

std::function<int(int, void **)> on_call;

constexpr size_t kScratch = 256;  // of a task

namespace {

// Elements by (innermost first) coordinates.
template <typename T>
T &at(const halide_buffer_t *b, std::initializer_list<int> position) {
    ptrdiff_t offset = 0;
    int d = 0;
    for (int i : position) offset += ptrdiff_t(b->dim[d++].stride) * i;
    return reinterpret_cast<T *>(b->host)[offset];
}

struct Mix {
    halide_buffer_t *x, *y, *bias, *alibi, *lengths, *order, *mask, *out, *sums;
    float scale, softcap;
    int heads, kv_heads, width;
    int row;  // b * Lq + l, of a nested loop
};

float mixed(const Mix &m, int b, int l, int h, int d) {
    float sum = m.scale * at<float>(m.x, {d, h, l, b}) + m.softcap;
    sum += at<float>(m.alibi, {h, b});
    const int keys = at<int32_t>(m.lengths, {b});
    for (int k = 0; k < keys; k++) {
        if (!at<uint8_t>(m.mask, {k, l})) continue;
        // Absent, every element is -1: keys in their own order.
        const int place = at<int32_t>(m.order, {k, b});
        const int key = place < 0 ? k : place;
        sum += at<float>(m.y, {d, h * m.kv_heads / m.heads, key, b});
        sum += at<float>(m.bias, {k, l, h, b});
    }
    return sum;
}

int mix_head(void *user, int h, uint8_t *closure) {
    const Mix &m = *reinterpret_cast<Mix *>(closure);
    const int rows = m.out->dim[2].extent, b = m.row / rows, l = m.row % rows;
    float *scratch = static_cast<float *>(attune_malloc(user, size_t(m.width) * sizeof(float)));
    float total = 0;
    for (int d = 0; d < m.width; d++) total += scratch[d] = mixed(m, b, l, h, d);
    for (int d = 0; d < m.width; d++) {
        at<float>(m.out, {d, h, l, b}) = scratch[d];
        at<float>(m.sums, {d, h, l, b}) = total;  // stride 0 in d
    }
    attune_free(user, scratch);
    return 0;
}

int mix_row(void *user, int row, uint8_t *closure) {
    Mix m = *reinterpret_cast<Mix *>(closure);
    m.row = row;
    void *scratch = attune_malloc(user, kScratch);
    memset(scratch, 0xff, kScratch);
    attune_do_par_for(user, mix_head, 0, m.heads, reinterpret_cast<uint8_t *>(&m));
    attune_free(user, scratch);
    return 0;
}

Mix unpack(void **args) {
    Mix m = {};
    halide_buffer_t **buffers[] = {&m.x, &m.y, &m.bias, &m.alibi, &m.lengths, &m.order, &m.mask};
    int next = 1;
    for (halide_buffer_t **b : buffers) *b = static_cast<halide_buffer_t *>(args[next++]);
    m.scale = *static_cast<float *>(args[next]);
    m.softcap = *static_cast<float *>(args[next + 4]);
    m.out = static_cast<halide_buffer_t *>(args[next + 6]);
    m.sums = static_cast<halide_buffer_t *>(args[next + 7]);
    m.width = m.out->dim[0].extent;
    m.heads = m.out->dim[1].extent;
    m.kv_heads = m.y->dim[1].extent;
    return m;
}

void *user_of(void **args) { return *static_cast<void **>(args[0]); }

int run_mix(void **args) {
    Mix m = unpack(args);
    const int rows = m.out->dim[2].extent * m.out->dim[3].extent;
    return attune_do_par_for(user_of(args), mix_row, 0, rows, reinterpret_cast<uint8_t *>(&m));
}

template <int KERNEL>
int call(void **args) {
    const int code = on_call ? on_call(KERNEL, args) : 0;
    return code ? code : run_mix(args);
}

int call_bf16(void **args) { return on_call ? on_call(kBf16, args) : 0; }
int call_f16(void **args) { return on_call ? on_call(kF16Biased, args) : 0; }

// Computes on the host and moves the data as a GPU kernel's host code does.
int call_opencl(void **args) {
    if (const int code = on_call ? on_call(kOpenCl, args) : 0) return code;
    const int code = run_mix(args);
    for (int i : {14, 15}) {
        halide_buffer_t *output = static_cast<halide_buffer_t *>(args[i]);
        halide_dimension_t &repeated = output->dim[0];
        const int extent = repeated.extent;
        if (repeated.stride == 0) repeated.extent = 1;
        output->set_host_dirty();
        attune_copy_to_device(user_of(args), output, attune_opencl_device_interface());
        output->set_device_dirty();
        memset(output->begin(), 0, output->size_in_bytes());
        repeated.extent = extent;
    }
    return code;
}

template <int KERNEL>
int call_step(void **args) {
    return on_call ? on_call(KERNEL, args) : 0;
}

int mix_cost(void **args) {
    const halide_buffer_t *x = static_cast<halide_buffer_t *>(args[1]);
    const int size = *static_cast<int32_t *>(args[14]);
    const halide_buffer_t *result = static_cast<halide_buffer_t *>(args[15]);
    at<double>(result, {0}) = double(x->dim[2].extent);
    at<double>(result, {1}) = double(*static_cast<float *>(args[8]));
    at<double>(result, {2}) = double(size) * double(x->number_of_elements());
    return 0;
}

const attune_formula kNone = {};
attune_formula number(double x) { return formula("number", {{ATTUNE_OP_NUMBER, 0, x}}); }
attune_formula extent(int i) { return formula("extent", {{ATTUNE_OP_EXTENT, i, 0}}); }
attune_formula attribute(int i) { return formula("attribute", {{ATTUNE_OP_ATTRIBUTE, i, 0}}); }
// y is a multiple of x.
attune_formula divides(const attune_formula &x, const attune_formula &y) {
    return formula("", {y.term[0], x.term[0], {ATTUNE_OP_MOD, 0, 0}, {ATTUNE_OP_NOT, 0, 0}});
}
constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum Extent { B, Lq, Lk, H, Hkv, D };
const char *const mix_extents[] = {"B", "Lq", "Lk", "H", "Hkv", "D"};

attune_tensor optional(attune_tensor t, const attune_formula &absent, int content = ATTUNE_ANY) {
    t.optional = 1;
    t.absent = absent;
    t.content = content;
    t.low = number(0);
    t.high = extent(Lk);
    return t;
}

attune_tensor broadcast(attune_tensor t, int leading_dimensions) {
    for (int d = 0; d < leading_dimensions; d++) t.broadcast[d] = 1;
    return t;
}

// Its first dimension may be left out; mode "max" needs it.
attune_tensor per_head(attune_tensor t) {
    t.leading = 1;
    t.needed_by = 3;
    t.needed_value = 1;
    return t;
}

#define AT(field) offsetof(MixArgs, field)
const attune_tensor mix_tensors[] = {
    tensor("x", ATTUNE_STORAGE, {B, Lq, H, D}, AT(x)),
    tensor("y", ATTUNE_STORAGE, {B, Lk, Hkv, D}, AT(y)),
    broadcast(optional(tensor("bias", ATTUNE_F32, {B, H, Lq, Lk}, AT(bias)), number(0)), 3),
    per_head(optional(tensor("alibi", ATTUNE_F32, {B, H}, AT(alibi)), number(0))),
    optional(tensor("lengths", ATTUNE_I32, {B}, AT(lengths)), extent(Lk), ATTUNE_RANGE),
    optional(tensor("order", ATTUNE_I32, {B, Lk}, AT(order)), number(-1), ATTUNE_PERMUTATION),
    optional(tensor("mask", ATTUNE_U8, {Lq, Lk}, AT(mask)), number(1)),
    output(tensor("out", ATTUNE_STORAGE, {B, Lq, H, D}, AT(out))),
    output(tensor("sums", ATTUNE_F32, {B, Lq, H}, AT(sums)), 1),
};

const char *const modes[] = {"sum", "max", nullptr};
const attune_formula rsqrt_d = formula("1/sqrt(D)", {{ATTUNE_OP_NUMBER, 0, 1},
                                                     {ATTUNE_OP_EXTENT, D, 0},
                                                     {ATTUNE_OP_SQRT, 0, 0},
                                                     {ATTUNE_OP_DIV, 0, 0}});
const attune_attribute mix_attributes[] = {
    {"scale", "", ATTUNE_FLOAT, nullptr, rsqrt_d, -kInfinity, kInfinity, AT(scale)},
    {"causal", "", ATTUNE_FLAG, nullptr, number(0), 0, 1, AT(causal)},
    {"mode", "", ATTUNE_ENUM, modes, number(0), 0, 0, AT(mode)},
    {"window", "", ATTUNE_INT, nullptr, extent(Lk), 1, 1000000, AT(window)},
    {"softcap", "", ATTUNE_FLOAT, nullptr, number(0), 0, 100, AT(softcap)},
    {"shift", "", ATTUNE_INT, nullptr, attribute(3), 0, 1000000, AT(shift)},
};
#undef AT
const attune_rule mix_rules[] = {
    {divides(extent(Hkv), extent(H)), ATTUNE_BAD_EXTENT, "H must be a multiple of Hkv"}};

const char *const step_extents[] = {"L", "D"};
const attune_tensor step_tensors[] = {
    tensor("x", ATTUNE_F32, {0, 1}, offsetof(StepArgs, x)),
    output(tensor("out", ATTUNE_F32, {0, 1}, offsetof(StepArgs, out))),
};
const attune_attribute step_attributes[] = {
    {"step", "", ATTUNE_INT, nullptr, kNone, 1, 64, offsetof(StepArgs, step)},
};
const attune_rule step_rules[] = {
    {divides(attribute(0), extent(0)), ATTUNE_BAD_EXTENT, "L must be a multiple of step"}};

const attune_variant variants[] = {
    {"mix", "", "", sizeof(MixArgs), 6, 9, 6, 1, 0, mix_extents, nullptr, mix_tensors,
     mix_attributes, mix_rules, nullptr, mix_cost},
    {"step", "", "", sizeof(StepArgs), 2, 2, 1, 1, 0, step_extents, nullptr, step_tensors,
     step_attributes, step_rules, nullptr, nullptr},
};

const attune_condition d64[] = {{ATTUNE_WHEN_EXTENT, D, 64, 64},
                                {ATTUNE_WHEN_ABSENT, kBias, 0, 0},
                                {ATTUNE_WHEN_ATTRIBUTE, 4, 0, 0}};
const attune_condition general[] = {{ATTUNE_WHEN_ATTRIBUTE, 4, 0, 10},
                                    {ATTUNE_WHEN_EXTENT, Lk, 0, 4096}};
const attune_condition unmasked[] = {{ATTUNE_WHEN_ABSENT, kMask, 0, 0}};
const attune_condition biased[] = {{ATTUNE_WHEN_GIVEN, kBias, 0, 0}};

const attune_kernel kernels[] = {
    {"mix_f32_d64_avx2", "avx2", "", kMix, ATTUNE_F32, ATTUNE_CPU, 3, d64, call<kF32D64Avx2>},
    {"mix_f32_avx2", "avx2", "", kMix, ATTUNE_F32, ATTUNE_CPU, 2, general, call<kF32Avx2>},
    {"mix_f32_x86-64", "x86-64", "", kMix, ATTUNE_F32, ATTUNE_CPU, 2, general, call<kF32Baseline>},
    {"mix_bf16_x86-64", "x86-64-linux-sse41", "", kMix, ATTUNE_BF16, ATTUNE_CPU, 1, unmasked,
     call_bf16},
    {"mix_f16_x86-64", "x86-64", "", kMix, ATTUNE_F16, ATTUNE_CPU, 1, biased, call_f16},
    {"mix_f32_opencl", "opencl", "", kMix, ATTUNE_F32, ATTUNE_OPENCL, 0, nullptr, call_opencl},
    {"step_f32_x86-64", "x86-64", "", kStep, ATTUNE_F32, ATTUNE_CPU, 0, nullptr,
     call_step<kStepBaseline>},
    {"step_f32_cuda", "cuda", "", kStep, ATTUNE_F32, ATTUNE_CUDA, 0, nullptr, call_step<kStepCuda>},
};

}  // namespace

const attune_pack pack = {ATTUNE_ABI_VERSION, "fake", "0", 2, 8, variants, kernels};

}  // namespace fake
