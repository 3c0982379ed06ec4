// The two-dimensional view of a sequence that the Combiner's axial and mixture attentions share:
// token i = r M + c, row r < n = L / M, column c < M.
#pragma once

#include "variant.h"

namespace attune {

// Rows, or columns, of the grid as batch elements of an attention: x.v.b = batch * count + line.
struct Lines {
    Expr count, length;  // lines of a batch element, tokens of a line
    Expr batch, line;    // of x.v.b
    bool rows;
};

class Grid {
public:
    explicit Grid(Build &x);

    Build &x;
    const Dims v;
    const Expr B, L, M, n, D;

    Lines rows(Expr count) const { return lines(count, M, true); }  // the first `count` rows
    Lines columns() const { return lines(M, n, false); }
    Expr token(const Lines &of, Expr line, Expr place) const;
    // Element of an input, or of a Func of (d, token, head, batch), at a place of the line.
    Expr load(const std::string &input, const Lines &of, Expr d, Expr place) const;
    Expr load(const Func &f, const Lines &of, Expr d, Expr place) const;
    // The tokens of each line, all of them, with rows of k and of v, or of another input.
    Source tokens(const std::string &name, const Lines &of, const std::string &values = "v") const;

    // Queries of the tokens of each line. Results go to the variant's output, or as a stage to a
    // Func of (d, token, head, batch).
    Queries queries(const Lines &of) const;
    Queries stage_queries(const Lines &of) const;
    // Continues the softmax of a stage.
    void continue_from(const StageResult &stage, const Lines &of, Queries &queries) const;

private:
    Lines lines(Expr count, Expr length, bool rows) const;
};

// What costs of these variants are made of, as doubles.
struct GridSizes {
    Expr L, M, n, D, heads;  // heads: of all batch elements
    explicit GridSizes(Build &x);
};

void declare_grid(Variant &v);  // q, k, v, o, M

}  // namespace attune
