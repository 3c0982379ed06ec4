// Transformer-LS: sizes around the edges of segments, chunks and tiles.
#include "matrix.h"

#include <algorithm>

namespace attune::tests {
namespace {

TEST(TlsMatrix, Segments) {
    int n = 0;
    for (int segment : {0, 1, 2, 3, 5, 8, 15, 16, 17, 33, 64, 130})
        for (int segments : {1, 2, 3, 8})
            for (int ranks : {0, 1, 5, 32, 33}) {
                const int tokens = std::max(segment, 1) * segments;
                Config c = sized("tls_bidir", tokens, tokens, n);
                c.Hkv = c.Hq, c.Dv = c.D = std::min<std::int64_t>(c.D, 80);
                c.attributes = {{"w", segment + 0.0}, {"r", ranks + 0.0}};
                c.cls = n % 3 == 0 || segment + ranks == 0;
                if (n % 4 == 0) c.kv_len = some_lengths(c.B, tokens, n);
                ++n;
                check_everywhere(c, all_targets());
            }
}

TEST(TlsMatrix, Grids) {
    int n = 0;
    for (int segment : {0, 1, 2, 3, 4, 5, 7, 8, 11, 16})
        for (int segments : {1, 2, 3, 5})
            for (int ranks : {0, 1, 8}) {
                const int side = std::max(segment, 1) * segments;
                if (side > 24) continue;
                Config c = sized("tls_image2d", side * side, side * side, n);
                c.Hkv = c.Hq, c.Dv = c.D = std::min<std::int64_t>(c.D, 64);
                const bool global = n % 2 == 0 || segment + ranks == 0;
                c.attributes = {{"nx", side + 0.0},
                                {"w", segment + 0.0},
                                {"r", ranks + 0.0},
                                {"G", global ? 1.0 : 0.0}};
                c.cls = n % 5 == 0;
                ++n;
                check_everywhere(c, all_targets());
            }
}

TEST(TlsMatrix, ChunksAndWindows) {
    int n = 0;
    for (int chunk : {1, 2, 5, 16, 17, 40})
        for (int tokens : {0, 1, 2, 16, 33, 64, 85})
            for (int window : {1, 2, 15, 16, 33, 300})
                for (const char *op : {"tls_causal", "tls_causal_step"}) {
                    const bool step = n % 2 != 0;
                    Config c = sized(op, step ? tokens : tokens / chunk * chunk, n % 5 * 3, n);
                    c.Hkv = c.Hq, c.Dv = c.D = std::min<std::int64_t>(c.D, 80);
                    c.attributes = {{"S", chunk + 0.0}, {"r", 1.0 + n % 3}, {"W", window + 0.0}};
                    ++n;
                    check_everywhere(c, all_targets());
                }
}

}  // namespace
}  // namespace attune::tests
