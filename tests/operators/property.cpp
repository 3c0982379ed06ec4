#include "property.h"

#include "crash.h"

namespace attune::tests {

std::vector<Config> Property::configs() const {
    std::vector<Config> all;
    for (const int width : {32, 40, 64, 128})
        for (const double causal : {0.0, 1.0}) {
            Config c;
            c.op = op();
            c.B = 3, c.Hq = 4, c.Hkv = op() == "combiner_fixed" ? 4 : 2;
            c.Lq = c.Lk = 132;
            c.D = c.Dv = width;
            c.attributes["causal"] = causal;
            if (op() == "combiner_fixed") c.attributes["M"] = 33.0;
            if (op() == "cluster_attn") c.attributes["chunk"] = 50.0;
            if (is_dense() && width == 40) c.kv_len = {132, 0, 77}, c.q_len = {132, 5, 100};
            if (op() == "cluster_attn" && width == 40) c.kv_len = {132, 0, 77};
            c.seed = static_cast<std::uint64_t>(width);
            all.push_back(c);
            if (!is_dense()) continue;
            c.Lq = 1, c.Lk = 1100;  // more than a chunk of the kernels for one query
            if (width == 40) c.kv_len = {1100, 0, 1030}, c.q_len = {1, 1, 0};
            all.push_back(c);
        }
    return all;
}

Bits Property::run_here(const Case &call) const {
    const testing::TestInfo &test = *testing::UnitTest::GetInstance()->current_test_info();
    now_running(std::string(test.test_suite_name()) + "." + test.name() +
                ", D = " + std::to_string(call.tensors.at("q").shape[3]));
    return run(context(), call);
}

Case take_all(const Case &call, const std::string &symbol, const std::vector<std::int64_t> &order) {
    const attune_pack *const pack = test_pack();
    const attune_variant &variant = pack->variant[variant_of(pack, call.op)];
    Case out = call;
    for (int t = 0; t < variant.tensors; ++t) {
        const attune_tensor &declared = variant.tensor[t];
        const auto found = out.tensors.find(declared.name);
        if (found == out.tensors.end() || declared.output) continue;
        for (std::size_t d = 0; d < static_cast<std::size_t>(declared.rank); ++d)
            if (symbol == variant.extent[declared.extents[d]])
                found->second = take(found->second, d, order);
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
