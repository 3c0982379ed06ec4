// The merge of attention over parts of the keys: each part is weighted by its share of the sum of
// exponentials, exp(lse_part - lse). A sink enters here once.
#include "naive.h"

namespace attune::oracle {

template <typename Real>
Outputs dense_merge(const Case &call) {
    const std::vector<Index> &shape = call.tensors.at("o_part").shape;
    const Index parts = shape[0], batch = shape[1], rows = shape[2], heads = shape[3];
    const Index width = shape[4];
    const std::vector<double> values = call.tensors.at("o_part").values();
    const std::vector<Real> part(values.begin(), values.end());
    const Array<Real> part_lse = array<Real>(call, "lse_part");
    const bool has_sink = call.has("sink");
    const Array<Real> sinks = has_sink ? array<Real>(call, "sink") : Array<Real>();
    const Real nothing = -std::numeric_limits<Real>::infinity();
    Array<Real> o(batch, rows, heads, width), lse(batch, heads, rows, 1);
    for (Index b = 0; b < batch; ++b)
        for (Index i = 0; i < rows; ++i)
            for (Index h = 0; h < heads; ++h) {
                const Real sink = has_sink ? sinks(0, 0, 0, h) : nothing;
                std::vector<Item<Real>> items;
                for (Index s = 0; s < parts; ++s) {
                    const Index row = ((s * batch + b) * rows + i) * heads + h;
                    const Real weight = part_lse(s, b, h, i);
                    if (weight != nothing) items.push_back({weight, part.data() + row * width});
                }
                std::vector<Real> out(static_cast<std::size_t>(width));
                lse(b, h, i, 0) = attend(items, sink, width, out.data());
                for (Index d = 0; d < width; ++d) o(b, i, h, d) = out[d];
            }
    return {{"o", o.tensor({batch, rows, heads, width})},
            {"lse", lse.tensor({batch, heads, rows})}};
}

template Outputs dense_merge<float>(const Case &);
template Outputs dense_merge<double>(const Case &);

}  // namespace attune::oracle
