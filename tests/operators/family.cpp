#include "family.h"

#include <cmath>

namespace attune::tests {

int pick(Engine &engine, int low, int high) {
    return low + static_cast<int>(engine() % static_cast<std::uint64_t>(high - low + 1));
}

double normal(Engine &engine, double spread) {
    double sum = 0;  // of four uniform numbers
    for (int i = 0; i < 4; ++i) sum += static_cast<double>(engine() >> 11) * 0x1p-53;
    return (sum - 2) * std::sqrt(3.0) * spread;
}

void fill(Tensor &tensor, Engine &engine, double spread, const std::vector<int> &lengths) {
    const std::int64_t row = tensor.shape[2] * tensor.shape[3];
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
        const std::int64_t l = i / row % tensor.shape[1], b = i / row / tensor.shape[1];
        const double value = normal(engine, spread);
        if (lengths.empty() || l < lengths[static_cast<std::size_t>(b)]) tensor.set(i, value);
    }
}

Tensor rows(const Config &config, Engine &engine, const std::vector<std::int64_t> &shape,
            double spread, const std::vector<int> &lengths) {
    Tensor tensor = poisoned(config.dtype, shape, config.layout, config.guard);
    fill(tensor, engine, spread, lengths);
    return tensor;
}

Tensor integers(const Config &config, const std::vector<std::int64_t> &shape,
                const std::vector<int> &values) {
    Tensor tensor = poisoned(Dtype::i32, shape, Layout::blhd, config.guard);
    for (std::size_t i = 0; i < values.size(); ++i) tensor.set(static_cast<int>(i), values[i]);
    return tensor;
}

std::int64_t random_length(Engine &engine) {
    if (pick(engine, 0, 2) == 0)
        return one_of(engine, {1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129});
    return pick(engine, 1, pick(engine, 0, 3) == 0 ? 300 : 70);
}

std::int64_t random_width(Engine &engine) {
    return pick(engine, 0, 1) ? one_of(engine, {16, 32, 64, 80, 96, 128}) : pick(engine, 1, 160);
}

std::vector<int> random_lengths(Engine &engine, std::int64_t batch, std::int64_t most) {
    std::vector<int> lengths;
    for (std::int64_t b = 0; b < batch && pick(engine, 0, 7) != 0; ++b)
        lengths.push_back(pick(engine, 0, 3) ? pick(engine, 0, static_cast<int>(most)) : 0);
    if (static_cast<std::int64_t>(lengths.size()) < batch) lengths.clear();
    return lengths;
}

}  // namespace attune::tests
