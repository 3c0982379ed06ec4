// What a result sees, found by running the kernel: each token of an input is changed in turn, and
// every row of the first output is compared with what it was.
//
// The tokens of a tensor are its dimensions other than the batch (symbol B), the heads (symbols
// that begin with H) and the columns (the last), in the order of declaration: L of [B, L, H, D],
// (S, Lq) of [S, B, Lq, Hq, Dv].
#ifndef ATTUNE_CLI_PATTERN_H
#define ATTUNE_CLI_PATTERN_H

#include "shape.h"

#include <functional>
#include <string>
#include <vector>

namespace tool {

constexpr int64_t MOST_TOKENS = 256;  // of a side: a picture, and a call a token

struct Pattern {
    std::string of, output;
    int64_t tokens = 0, rows = 0;
    // [rows, tokens]: how much those elements of the row that change do, as the root of their mean
    // square over batch elements, heads and columns, when the elements of the token change by 1 or
    // -1. 0: the row does not see it.
    std::vector<double> influence;

    double at(int64_t row, int64_t token) const { return influence[size_t(row * tokens + token)]; }
};

// `of` names an input that the call has; "": v, else the first whose name begins with v. The other
// inputs of real numbers are 0.03 of a workload's, so that all weights of a row are nearly the
// same. progress(token) is called before each token. Throws Fault.
Pattern find_pattern(attune_context *context, const attune_pack *pack, const Shape &shape,
                     const std::string &of, const std::function<void(int64_t)> &progress);

}  // namespace tool
#endif
