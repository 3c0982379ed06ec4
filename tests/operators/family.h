// How the configurations of one family of operators become tensors, and the parts they share.
#ifndef ATTUNE_TESTS_OPERATORS_FAMILY_H
#define ATTUNE_TESTS_OPERATORS_FAMILY_H

#include "config.h"

#include <random>

namespace attune::tests {

using Engine = std::mt19937_64;

int pick(Engine &engine, int low, int high);  // the same on every platform, unlike <random>'s

template <typename T>
T one_of(Engine &engine, std::initializer_list<T> all) {
    return all.begin()[pick(engine, 0, static_cast<int>(all.size()) - 1)];
}

double normal(Engine &engine, double spread);  // about N(0, spread^2)

// Fills a tensor [B, L, H, D]; rows past the length of their b stay as they are: NaN.
void fill(Tensor &tensor, Engine &engine, double spread, const std::vector<int> &lengths = {});

// A storage tensor of the configuration's type and layout, filled.
Tensor rows(const Config &config, Engine &engine, const std::vector<std::int64_t> &shape,
            double spread, const std::vector<int> &lengths = {});

Tensor integers(const Config &config, const std::vector<std::int64_t> &shape,
                const std::vector<int> &values);

std::int64_t random_length(Engine &engine);
std::int64_t random_width(Engine &engine);
// One a batch element, some of them 0; or none at all.
std::vector<int> random_lengths(Engine &engine, std::int64_t batch, std::int64_t most);

struct Family {
    std::vector<std::string> ops;
    void (*inputs)(Case &, const Config &, Engine &);
    void (*randomise)(Config &, Engine &);
};

extern const Family dense_family, combiner_family, cluster_family, lsra_family;

}  // namespace attune::tests
#endif
