// Tensors whose memory ends, or begins, at a page that cannot be read: a kernel that touches
// anything outside crashes there and then.
#ifndef ATTUNE_TESTS_OPERATORS_GUARDED_H
#define ATTUNE_TESTS_OPERATORS_GUARDED_H

#include "call.h"

namespace attune::tests {

enum class Guard { after, before };

// `bytes` of memory, each byte `fill`.
std::shared_ptr<std::byte> guarded(std::size_t bytes, Guard guard, std::byte fill);

// How a [B, L, H, D] tensor lies in memory.
enum class Layout {
    blhd,    // contiguous
    bhld,    // contiguous as [B, H, L, D]
    packed,  // the middle of a contiguous [B, L, 3, H, D]
    padded,  // rows with 3 more elements, batch elements with 5 more rows
    sparse   // tokens 384 elements apart, or H D; so of [T, H, D]
};

// NaN everywhere, also in the gaps of the layout. Tensors of other ranks: blhd, padded or,
// of rank 3, sparse.
Tensor poisoned(Dtype dtype, const std::vector<std::int64_t> &shape, Layout layout, Guard guard);

// A tensor to write to: everything is a pattern that untouched_outside() recognises.
Tensor output(Dtype dtype, const std::vector<std::int64_t> &shape, Layout layout, Guard guard);

// A view with dimensions `outer` in place of the first one, whose extent is their product.
Tensor with_outer(Tensor tensor, const std::vector<std::int64_t> &outer);

// Whether no element of the tensor has been written, and nothing outside its view.
bool untouched(const Tensor &tensor);
bool untouched_outside(const Tensor &tensor);

// A contiguous copy of the slices `order` of one dimension.
Tensor take(const Tensor &tensor, std::size_t dimension, const std::vector<std::int64_t> &order);

}  // namespace attune::tests
#endif
