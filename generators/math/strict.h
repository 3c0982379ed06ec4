// One operation that is rounded by itself.
#pragma once

#include "Halide.h"

namespace attune {

// The operation alone: strict_float(e) would make all inside e strict.
inline Halide::Expr strict(Halide::Internal::Call::IntrinsicOp operation, Halide::Expr a,
                           Halide::Expr b) {
    using Halide::Internal::Call;
    return Call::make(Halide::Float(32), operation, {a, b}, Call::PureIntrinsic);
}

}  // namespace attune
