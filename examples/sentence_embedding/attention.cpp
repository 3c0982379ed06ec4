#include "attention.h"

#include <attune_default.h>

namespace {

// Kernels ask for their threads here: they get those of the program.
void parallel_for(void *user, int count, attune_task task, void *closure) {
    static_cast<const ThreadPool *>(user)->run(count, [=](int i) { task(closure, i); });
}

void check(attune_status status) {
    if (status != ATTUNE_OK) throw AttuneError(status, attune_error_message());
}

// A DLTensor and the shape and strides that it points to; strides count elements.
struct View {
    View(const void *data, DLDataType type, std::vector<int64_t> extents,
         std::vector<int64_t> steps)
        : shape(std::move(extents)), strides(std::move(steps)) {
        tensor.data = const_cast<void *>(data);
        tensor.device = {kDLCPU, 0};
        tensor.ndim = static_cast<int>(shape.size());
        tensor.dtype = type;
        tensor.shape = shape.data();
        tensor.strides = strides.data();
        tensor.byte_offset = 0;
    }
    View(const View &) = delete;
    View &operator=(const View &) = delete;

    std::vector<int64_t> shape, strides;
    DLTensor tensor;
};

constexpr DLDataType kFloat32{kDLFloat, 32, 1}, kInt32{kDLInt, 32, 1};

}  // namespace

Attention::Attention(const ThreadPool &threads) {
    attune_options options;
    attune_options_defaults(&options);
    options.threads = threads.count();
    options.parallel_for = parallel_for;
    options.parallel_user = const_cast<ThreadPool *>(&threads);
    check(attune_context_create(&options, &context_));
}

Attention::~Attention() { attune_context_destroy(context_); }

void Attention::attend(const float *qkv, const std::vector<int32_t> &lengths, int64_t length,
                       int64_t heads, int64_t head_size, float *output) const {
    const auto batch = static_cast<int64_t>(lengths.size());
    const int64_t width = heads * head_size;
    const std::vector<int64_t> shape{batch, length, heads, head_size};
    // q, k and v are read where the projection left them: side by side in one row a token.
    const std::vector<int64_t> strides{length * 3 * width, 3 * width, head_size, 1};
    const View q(qkv, kFloat32, shape, strides);
    const View k(qkv + width, kFloat32, shape, strides);
    const View v(qkv + 2 * width, kFloat32, shape, strides);
    const View o(output, kFloat32, shape, {length * width, width, head_size, 1});
    const View kv_len(lengths.data(), kInt32, {batch}, {1});

    attune_dense_args args;
    attune_dense_defaults(&args);
    args.q = &q.tensor;
    args.k = &k.tensor;
    args.v = &v.tensor;
    args.kv_len = &kv_len.tensor;
    args.o = const_cast<DLTensor *>(&o.tensor);
    check(attune_default_dense(context_, &args));
}
