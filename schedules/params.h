// The numbers of a schedule and where they come from: schedules/tuned/*.json, the records that
// ship.
#pragma once

#include <string>

namespace attune {

struct Params {
    int query_tile = 0, key_chunk = 0, key_step = 0, columns = 0;  // see Blocking
    int tile_rows = 0;                 // CPU: see Blocking; 0: query_tile
    int columns_on_lanes = 0;          // CPU: which of the two schedules
    int threads_x = 0, threads_y = 0;  // GPU: threads of a block
    int unroll = 0;  // steps of a reduction at once (CPU: of d in scores, or Blocking::value_step)
    int ahead = 0, next_block = 0;     // CPU: see Blocking
    std::string text() const;          // "query_tile=64 key_chunk=128 ..."
};

// What a record is looked up by; "*" or no field in a record fits everything, a list what is in it.
// The record with the most exact fields wins, and of equals the first: decoding comes first.
struct ParamsKey {
    std::string target;   // "avx512", "opencl"
    std::string variant;  // "dense"
    std::string special;  // "band"
    int head_dim;         // 0: at run time
};

// Throws std::invalid_argument when no record fits.
Params tuned_params(const ParamsKey &key);

// Of a stage of a kernel: those of a record that has the stage's name as its special, or the
// kernel's own.
Params stage_params(ParamsKey key, const std::string &stage, const Params &kernel);

// Overrides from text like "query_tile=32 key_step=8" (attune generate --schedule).
Params with_overrides(Params params, const std::string &text);

}  // namespace attune
