// Columns of the result that are no softmax over keys: an update of it each.
#include "blocked_softmax.h"

namespace attune {

void store_beside(Softmax &x, const Build &build, const Beside &beside) {
    const std::string name = "beside_" + std::to_string(x.beside.size());
    Halide::RDom over(0, beside.columns, 0, beside.groups, name);
    const std::vector<Var> args = x.result.args();
    std::vector<Expr> to{beside.column(over.x, over.y)}, from{over.x, over.y};
    for (std::vector<Expr> *index : {&to, &from})
        index->insert(index->end(), args.begin() + 1, args.end());
    x.result(to) = build.stored(beside.value(from));
    x.beside.push_back({beside, over, x.result.num_update_definitions() - 1});
}

}  // namespace attune
