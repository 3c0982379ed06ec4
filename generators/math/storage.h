// 16-bit numbers of memory as f32 and back. Kernels see their bits (UInt(16)), because Halide has
// operations on halves that it emulates, with a warning, on every machine but a few.
#pragma once

#include "Halide.h"

namespace attune {

// What tensors of the storage type hold.
struct Storage {
    Halide::Type type;        // f32, f16, bf16
    bool f16_instructions;    // the machine converts f16 by itself
    bool bf16_pairs = false;  // and multiplies pairs of bf16: see bf16.h
    bool bf16_tiles = false;  // and tiles of them
    Halide::Type bits() const { return type.bits() == 16 ? Halide::UInt(16) : type; }
};

Halide::Expr widen(Halide::Expr bits, const Storage &storage);
// To the nearest, ties to even; overflow gives infinity, a NaN stays one.
Halide::Expr narrow(Halide::Expr value, const Storage &storage);

// Of an f32: what widen() was given, if it is that of bf16 storage; else undefined.
Halide::Expr widened_bf16(Halide::Expr value);

}  // namespace attune
