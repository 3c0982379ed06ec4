// One source of keys inside blocked_softmax: from its declaration to the update of the state.
#pragma once

#include "blocked_softmax.h"

namespace attune {

constexpr float kNone = -1e30f;  // no key seen yet
constexpr float kSeen = -1e29f;  // anything above is a score
constexpr float kLn2 = 0.693147181f;

// Integer i of a query row (Source::row).
Expr row_integer(const Softmax &x, const SourceFuncs &p, size_t i, Expr qi);

// Of V, what element 2 + j of the state's owner g accumulates.
Expr column(const Softmax &x, int j);

bool divides(int divisor, Expr e);

// e to the power of a difference of scores.
Expr power(const Softmax &x, Expr difference);

// Makes the Funcs of one source and the update of the state that merges its chunks. rows: of
// queries.
SourceFuncs blocked_source(Softmax &x, const Source &source, Expr rows);

// a * b before something is added. One query has two kernels, by whether other heads share its
// keys, that give the same bits: there the compiler is not to choose whether it is a multiply-add.
Expr product(const Softmax &x, Expr a, Expr b);

}  // namespace attune
