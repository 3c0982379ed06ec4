// For lowering passes.
#pragma once

#include <Halide.h>

namespace attune {

// The loop with other bounds and another body.
inline Halide::Internal::Stmt loop(const Halide::Internal::For *op, Halide::Expr min,
                                   Halide::Expr extent, Halide::Internal::Stmt body) {
    return Halide::Internal::For::make(op->name, std::move(min), std::move(extent), op->for_type,
                                       op->partition_policy, op->device_api, std::move(body));
}

}  // namespace attune
