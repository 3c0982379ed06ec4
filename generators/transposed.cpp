#include "transposed.h"

namespace attune {

Expr Transposed::at(Expr column, Expr row, const std::vector<Expr> &rest) const {
    std::vector<Expr> index{column % width * width + row % width, column / width, row / width};
    index.insert(index.end(), rest.begin(), rest.end());
    return steps.back()(index);
}

Transposed transposed(const std::string &name, int width, const std::vector<Var> &rest,
                      const std::function<Expr(Expr column, Expr row)> &element) {
    Transposed out;
    out.width = width;
    Var z("z"), columns("columns"), rows("rows");
    std::vector<Var> all{z, columns, rows};
    all.insert(all.end(), rest.begin(), rest.end());
    Func first(name + "_rows");
    first(all) = element(columns * width + z % width, rows * width + z / width);
    out.steps.push_back(first);
    for (int done = 1; done < width; done *= 2) {
        Func last = out.steps.back(), next(name + "_step" + std::to_string(done));
        auto old = [&](Expr at) {
            std::vector<Expr> index(all.begin(), all.end());
            index[0] = at;
            return last(index);
        };
        next(all) = select(z % 2 == 0, old(z / 2), old(z / 2 + width * width / 2));
        out.steps.push_back(next);
    }
    return out;
}

}  // namespace attune
