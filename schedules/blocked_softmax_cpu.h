// Blocked softmax on a CPU.
#pragma once

#include "../generators/blocked_softmax.h"
#include "params.h"

namespace attune {

// lanes: f32 in a vector register.
Blocking cpu_blocking(const Params &params, const Storage &storage, int lanes);

void schedule_cpu(Softmax &x, const Attention &attention, const Params &params, int lanes);

// The result: blocks of rows in parallel, columns of a row on the lanes.
void schedule_result(Softmax &x, bool by_head, int lanes);

// Where stages, and what is made before the softmax, are made.
Halide::LoopLevel head_level(const Softmax &x, const Attention &attention);

// A head of a batch element, of the loops that schedule_result() orders.
Halide::LoopLevel line_level(const Softmax &x, bool by_head);

// Integers of a chunk's keys.
void schedule_place(SourceFuncs &p, Halide::LoopLevel chunk, int lanes);

// Queries on the lanes: blocked_softmax_cpu_rows.cpp.
void schedule_rows(Softmax &x, bool by_head, int lanes);

// The columns of K and V on the lanes, for few queries: blocked_softmax_cpu_columns.cpp.
void schedule_columns(Softmax &x, int lanes);

// Columns of the result beside the softmax: beside_cpu.cpp.
void schedule_beside(Softmax &x, const BesideFuncs &p, int lanes);

}  // namespace attune
