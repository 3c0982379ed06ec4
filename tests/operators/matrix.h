// The axes of the fixed matrices: sizes around the edges of vectors, tiles and chunks.
#ifndef ATTUNE_TESTS_OPERATORS_MATRIX_H
#define ATTUNE_TESTS_OPERATORS_MATRIX_H

#include "check.h"
#include "machine.h"

namespace attune::tests {

const int lengths[] = {0, 1, 2, 3, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 257};
const int widths[] = {1, 3, 8, 16, 32, 33, 40, 64, 80, 96, 128, 192, 256};
const int heads[][2] = {{1, 1}, {3, 1}, {4, 2}, {9, 1}, {7, 7}};
const int windows[] = {-1, 0, 1, 7};
const Layout layouts[] = {Layout::blhd, Layout::bhld, Layout::packed, Layout::padded,
                          Layout::sparse};

// Walks an axis by a step of its own, so that all values of two axes meet after a while.
template <typename T, std::size_t N>
const T &at(const T (&axis)[N], int step) {
    return axis[static_cast<std::size_t>(step) % N];
}

inline Config sized(const char *op, int lq, int lk, int n) {
    Config c;
    c.op = op;
    c.B = 1 + n % 3;
    c.Lq = lq, c.Lk = lk;
    c.Hq = at(heads, n)[0], c.Hkv = at(heads, n)[1];
    c.D = c.Dv = at(widths, n);
    if (n % 4 == 3) c.Dv = at(widths, n / 4);
    c.layout = at(layouts, n / 2);
    c.guard = n % 2 ? Guard::before : Guard::after;
    c.lse = n % 5 != 0;
    c.seed = static_cast<std::uint64_t>(n + 1);
    return c;
}

inline void set_band(Config &c, int causal, int align, int left, int right) {
    if (causal) c.attributes["causal"] = 1.0;
    if (align) c.attributes["align"] = std::string("top_left");
    if (left >= 0) c.attributes["left"] = static_cast<double>(left);
    if (right >= 0) c.attributes["right"] = static_cast<double>(right);
}

inline std::vector<int> some_lengths(std::int64_t batch, std::int64_t most, int n) {
    std::vector<int> out;
    for (std::int64_t b = 0; b < batch; ++b)  // none, all, and a part
        out.push_back(static_cast<int>((n + b) % 3 == 0 ? 0 : most * ((n + b) % 3) / 2));
    return out;
}

}  // namespace attune::tests
#endif
