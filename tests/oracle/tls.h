// LayerNorm over all heads' columns, as the variants of Transformer-LS have it.
#ifndef ATTUNE_TESTS_ORACLE_TLS_H
#define ATTUNE_TESTS_ORACLE_TLS_H

#include "naive.h"

namespace attune::oracle {

// Rows [B][N][H][D] after a LayerNorm over H * D columns, rounded as a 16-bit product would have
// them.
template <typename Real>
void normalise(Array<Real> &x, const Array<Real> &gain, const Array<Real> &bias, Dtype storage) {
    const Index heads = x.extent(2), width = x.extent(3), all = heads * width;
    for (Index b = 0; b < x.extent(0); ++b)
        for (Index n = 0; n < x.extent(1); ++n) {
            Real mean = 0, variance = 0;
            for (Index c = 0; c < all; ++c) mean += x(b, n, c / width, c % width);
            mean /= static_cast<Real>(all);
            for (Index c = 0; c < all; ++c) {
                const Real away = x(b, n, c / width, c % width) - mean;
                variance += away * away;
            }
            const Real scale =
                1 / std::sqrt(variance / static_cast<Real>(all) + static_cast<Real>(1e-5));
            for (Index c = 0; c < all; ++c) {
                Real &e = x(b, n, c / width, c % width);
                e = stored(storage, (e - mean) * scale * gain(0, 0, 0, c) + bias(0, 0, 0, c));
            }
        }
}

}  // namespace attune::oracle
#endif
