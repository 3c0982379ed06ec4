#include "property.h"

#include "crash.h"

namespace attune::tests {
namespace {

// What an operator needs beside the common sizes; `uneven`: sequences of different lengths.
void set_sizes(Config &c, bool uneven) {
    if (c.op == "combiner_fixed") c.attributes["M"] = 33.0;
    if (c.op == "cluster_attn") c.attributes["chunk"] = 50.0;
    if (c.op == "dense_paged") c.page = 16;
    if (c.op == "dense_split") c.attributes["split_size"] = 50.0, c.page = uneven ? 16 : 0;
    if (c.op == "dense_merge") c.parts = 3;
    const bool lsra = c.op.compare(0, 4, "lsra") == 0;
    if (lsra) c.attributes["K"] = 7.0, c.one_filter = uneven;
    if (c.op == "lsra_core")
        c.attributes["P"] = c.attributes.at("causal") == oracle::Attribute(1.0) ? 6.0 : 3.0;
    if (c.op == "lsra_core_step") c.Lk = 45;
    const bool lengths = c.op != "combiner_fixed" && c.op != "dense_merge";
    if (uneven && lengths) c.kv_len = {132, 0, 77};
    if (uneven && lengths && !lsra && c.op != "cluster_attn") c.q_len = {132, 5, 100};
    c.packed = c.op == "dense_paged" && uneven;
}

void set_options(Config &c) {
    c.sink = c.op != "dense_split";
    if (c.op == "dense_merge") return;
    c.alibi = 2;
    c.attributes["softcap"] = 5.0;
    c.attributes["left"] = 70.0;
    if (c.page || c.op == "dense_varlen") return;
    c.bias = shared_batch, c.mask = shared_heads | shared_rows;
    c.q_offset = {-3, 40, 7};
}

}  // namespace

std::vector<Config> Property::configs() const {
    std::vector<Config> all;
    for (const int width : {32, 40, 64, 128})
        for (const double causal : {0.0, 1.0}) {
            Config c;
            c.op = op();
            c.B = 3, c.Hq = 4, c.Hkv = op() == "combiner_fixed" ? 4 : 2;
            c.Lq = c.Lk = 132;
            c.D = c.Dv = width;
            if (op() != "dense_merge" && op() != "lsra_core_step") c.attributes["causal"] = causal;
            set_sizes(c, width == 40);
            c.seed = static_cast<std::uint64_t>(width);
            all.push_back(c);
        }
    return all;
}

std::vector<Config> Property::all_configs() const {
    std::vector<Config> all = configs();
    const bool family = op().compare(0, 5, "dense") == 0;
    for (std::size_t i = 2; i < 6 && family; ++i) {  // D 40 and 64
        Config c = all[i];
        set_options(c);
        all.push_back(c);
    }
    for (const Dtype dtype : dtypes(op(), {target()}))
        for (std::size_t i = 2; i < 6 && dtype != Dtype::f32; ++i) {
            Config c = all[i];
            c.dtype = dtype;
            all.push_back(c);
        }
    for (const Config &c : one_query()) all.push_back(c);
    return all;
}

std::vector<Config> Property::one_query() const {
    std::vector<Config> all;
    if (!is_dense() && op() != "lsra_core_step") return all;
    for (Config c : configs()) {
        c.Lq = 1, c.Lk = 1100;
        if (!c.kv_len.empty()) c.kv_len = {1100, 0, 1030}, c.q_len = {1, 1, 0};
        all.push_back(c);
    }
    return all;
}

Bits Property::run_here(const Case &call) const {
    const testing::TestInfo &test = *testing::UnitTest::GetInstance()->current_test_info();
    now_running(std::string(test.test_suite_name()) + "." + test.name() +
                ", D = " + std::to_string(call.tensors.begin()->second.shape.back()));
    return run(context(), call);
}

int dimension_of(const Case &call, const std::string &tensor, const std::string &symbol) {
    const attune_pack *const pack = test_pack();
    const attune_variant &variant = pack->variant[variant_of(pack, call.op)];
    const attune_tensor *const declared =
        std::find_if(variant.tensor, variant.tensor + variant.tensors,
                     [&](const attune_tensor &t) { return tensor == t.name; });
    const auto &shape = call.tensors.at(tensor).shape;
    const int missing = declared->rank - static_cast<int>(shape.size());  // outer ones
    for (int d = missing; d < declared->rank; ++d)
        if (symbol == variant.extent[declared->extents[d]])
            return declared->broadcast[d] && shape[static_cast<std::size_t>(d - missing)] == 1
                       ? -1
                       : d - missing;
    return -1;
}

Case take_all(const Case &call, const std::string &symbol, const std::vector<std::int64_t> &order) {
    const attune_pack *const pack = test_pack();
    const attune_variant &variant = pack->variant[variant_of(pack, call.op)];
    Case out = call;
    for (int t = 0; t < variant.tensors; ++t) {
        const attune_tensor &declared = variant.tensor[t];
        const auto found = out.tensors.find(declared.name);
        if (found == out.tensors.end() || declared.output) continue;
        const int dimension = dimension_of(call, declared.name, symbol);
        if (dimension >= 0)
            found->second = take(found->second, static_cast<std::size_t>(dimension), order);
    }
    add_outputs(out, call.has("lse"));
    return out;
}

Case again(const Case &call) {
    Case out = call;
    add_outputs(out, call.has("lse"));
    return out;
}

Case own(const Case &call, const std::string &name) {
    Case out = again(call);
    std::vector<std::int64_t> all(static_cast<std::size_t>(call.tensors.at(name).shape[0]));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    out.tensors[name] = take(call.tensors.at(name), 0, all);
    return out;
}

std::vector<std::uint32_t> slices(const std::vector<std::uint32_t> &bits,
                                  const std::vector<std::int64_t> &shape, std::size_t dimension,
                                  const std::vector<std::int64_t> &order) {
    Tensor tensor = Tensor::zeros(Dtype::i32, shape);
    std::copy(bits.begin(), bits.end(), reinterpret_cast<std::uint32_t *>(tensor.data()));
    const Tensor taken = take(tensor, dimension, order);
    const auto *const first = reinterpret_cast<const std::uint32_t *>(taken.data());
    return {first, first + taken.elements()};
}

}  // namespace attune::tests
