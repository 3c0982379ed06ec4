// A fixed matrix of sizes around the edges of vectors, tiles and chunks. Each axis meets every
// value of the two most important ones, the lengths, while the others rotate.
#include "matrix.h"

namespace attune::tests {
namespace {

TEST(DenseMatrix, Lengths) {
    int n = 0;
    for (int lq : lengths)
        for (int lk : lengths) {
            Config c = sized("dense", lq, lk, n++);
            set_band(c, n % 3 == 0, n % 2, -1, -1);
            check_everywhere(c, all_targets());
        }
}

// Kernels for one query have chunks of 1024 keys, or of fewer.
TEST(DenseMatrix, OneQuery) {
    int n = 0;
    for (int width : {1, 33, 64, 80, 128, 160})
        for (int lk : {0, 1, 2, 15, 16, 17, 1023, 1024, 1025, 3000}) {
            Config c = sized("dense", 1, lk, n++);
            c.Hq = at(heads, n + n / 10)[0], c.Hkv = at(heads, n + n / 10)[1];
            c.D = width;
            c.Dv = n % 3 ? width : at(widths, n);
            if (n % 2) c.kv_len = some_lengths(c.B, lk, n), c.poison = true;
            set_band(c, n % 3 == 0, n % 5 == 0, n % 4 ? -1 : lk - lk / 3, n % 7 ? -1 : 2);
            check_everywhere(c, all_targets());
        }
}

// An absent tensor is one short constant that repeats: no batch may be longer than it.
TEST(DenseMatrix, BatchBeyondAbsentTensors) {
    for (const char *op : {"dense", "cluster_attn"}) {
        Config c = sized(op, 19, 19, 1);
        c.B = 70;
        if (c.op == "cluster_attn") c.attributes["chunk"] = 7.0;
        check_everywhere(c, all_targets());
    }
}

TEST(DenseMatrix, WidthsAndHeads) {
    int n = 0;
    for (int width : widths)
        for (const auto &head : heads)
            for (int causal = 0; causal < 2; ++causal) {
                Config c = sized("dense", at(lengths, 5 + n % 11), at(lengths, 7 + n % 9), n);
                ++n;
                c.D = c.Dv = width;
                c.Hq = head[0], c.Hkv = head[1];
                set_band(c, causal, 0, -1, -1);
                check_everywhere(c, all_targets());
            }
}

TEST(DenseMatrix, ValuesOfAnotherWidth) {
    int n = 0;
    for (int width : widths)
        for (int value_width : widths) {
            Config c = sized("dense", at(lengths, 3 + n % 8), at(lengths, 4 + n % 9), n);
            c.D = width, c.Dv = value_width;
            set_band(c, n % 2, 0, -1, -1);
            check_everywhere(c, all_targets());
            ++n;
        }
}

TEST(DenseMatrix, Windows) {
    int n = 0;
    for (int left : windows)
        for (int right : windows)
            for (int band = 0; band < 4; ++band)
                for (int repeat = 0; repeat < 3; ++repeat) {
                    Config c = sized("dense", at(lengths, 1 + n % 16), at(lengths, n % 17), n);
                    ++n;
                    if (repeat == 0) c.D = c.Dv = 64;
                    set_band(c, band & 1, band & 2, left, right);
                    check_everywhere(c, all_targets());
                }
}

TEST(DenseMatrix, LengthsOfSequences) {
    int n = 0;
    for (int lq : {1, 17, 64, 129})
        for (int lk : {1, 33, 128, 257})
            for (int band = 0; band < 4; ++band)
                for (int which = 1; which < 4; ++which) {
                    Config c = sized("dense", lq, lk, n++);
                    c.B = 3;
                    c.poison = true;
                    if (which & 1) c.kv_len = some_lengths(c.B, lk, n);
                    if (which & 2) c.q_len = some_lengths(c.B, lq, n / 3);
                    set_band(c, band & 1, band & 2, n % 5 ? -1 : 6, -1);
                    check_everywhere(c, all_targets());
                }
}

TEST(DenseMatrix, Layouts) {
    int n = 0;
    for (const Layout layout : layouts)
        for (const Guard guard : {Guard::after, Guard::before})
            for (int width : {1, 8, 33, 64, 80, 128}) {
                Config c = sized("dense", 33, 65, n++);
                c.layout = layout, c.guard = guard;
                c.D = c.Dv = width;
                check_everywhere(c, all_targets());
            }
}

TEST(DenseMatrix, EmptyBatch) {
    Config c = sized("dense", 5, 7, 0);
    c.B = 0;
    check_everywhere(c, all_targets());
}

TEST(CombinerMatrix, Segments) {
    int n = 0;
    for (int segment : {1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 64, 65, 128})
        for (int segments : {1, 2, 3, 8})
            for (int causal = 0; causal < 2; ++causal) {
                Config c = sized("combiner_fixed", segment * segments, segment * segments, n++);
                c.Hkv = c.Hq, c.Dv = c.D;
                c.attributes["M"] = static_cast<double>(segment);
                c.attributes["causal"] = static_cast<double>(causal);
                check_everywhere(c, all_targets());
            }
}

TEST(CombinerMatrix, Options) {
    int n = 0;
    for (const char *act : {"identity", "relu", "deepset"})
        for (const char *pool : {"max", "mean", "sum"})
            for (int causal = 0; causal < 2; ++causal)
                for (int width : {1, 8, 32, 33, 64}) {
                    Config c = sized("combiner_fixed", 68, 68, n++);
                    c.D = c.Dv = width, c.Hkv = c.Hq;
                    c.attributes["M"] = n % 2 ? 17.0 : 4.0;
                    c.attributes["causal"] = static_cast<double>(causal);
                    c.attributes["act"] = std::string(act);
                    c.attributes["pool"] = std::string(pool);
                    check_everywhere(c, all_targets());
                }
}

// Grids of one row and of one column too.
TEST(CombinerMatrix, Grids) {
    const char *const ops[] = {"combiner_axial_rowmajor", "combiner_mixture_causal",
                               "combiner_mixture_bidir", "combiner_axial_vertical",
                               "combiner_axial_horizontal"};
    const char *const summaries[] = {"none", "wsum", "proj", "wsum_proj", "none"};
    int n = 0;
    for (int width : {1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 65})
        for (int height : {1, 2, 3, 8, 17, 33, 50})
            for (const char *op : ops) {
                if (width * height > 300 && ++n % 3) continue;
                Config c = sized(op, width * height, width * height, n);
                // The oracle is slow: few heads, and short ones where there are many tokens.
                c.B = 1 + n % 2;
                c.Hkv = c.Hq = 1 + n % 3;
                c.D = c.Dv = std::min<std::int64_t>(c.D, width * height > 100 ? 33 : c.D);
                c.attributes["M"] = static_cast<double>(width);
                if (has_flag_causal(op)) {
                    c.attributes["causal"] = static_cast<double>(n / 2 % 2);
                    c.attributes["summary"] = std::string(at(summaries, n / 5));
                    c.D = c.Dv = std::min<std::int64_t>(c.D, 80);  // slow loops
                } else {
                    c.attributes["cum"] = std::string(n % 4 ? "max" : "sum");
                    if (n % 4 == 0) c.spread = 0.1;
                }
                check_everywhere(c, all_targets());
                ++n;
            }
}

TEST(CombinerMatrix, Spans) {
    int n = 0;
    for (int length : {3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 34, 63, 64, 65, 100, 129, 257})
        for (int width : {1, 8, 33, 64}) {
            Config c = sized("combiner_logsparse", length, length, n++);
            c.Hkv = c.Hq, c.D = c.Dv = width;
            check_everywhere(c, all_targets());
        }
}

TEST(ClusterMatrix, Chunks) {
    int n = 0;
    for (int tokens : {1, 2, 5, 16, 17, 33, 64, 65, 129, 257})
        for (int chunk : {1, 3, 16, 17, 64, 300})
            for (int mask = 0; mask < 4; ++mask) {
                Config c = sized("cluster_attn", tokens, tokens, n++);
                c.Dv = c.D;
                c.attributes["chunk"] = static_cast<double>(chunk);
                if (mask & 1) c.attributes["causal"] = 1.0;
                if (mask & 2) c.attributes["same_cluster"] = 1.0;
                if (n % 3 == 0) c.kv_len = some_lengths(c.B, tokens, n), c.poison = true;
                check_everywhere(c, all_targets());
            }
}

TEST(LsraMatrix, TapsAndLengths) {
    int n = 0;
    for (int tokens : {0, 1, 2, 5, 15, 16, 17, 33, 64, 129})
        for (int taps : {1, 2, 3, 7, 15, 16, 17, 31, 64, 130})
            for (int left : {0, taps / 2, taps - 1}) {
                Config c = sized("lsra_core", tokens, tokens, n++);
                c.attributes["K"] = static_cast<double>(taps);
                c.attributes["P"] = static_cast<double>(left);
                c.attributes["causal"] = static_cast<double>(n % 2);
                if (n % 5 == 0) c.attributes["softmax_taps"] = 0.0;
                if (n % 3 == 0) c.kv_len = some_lengths(c.B, tokens, n);
                c.one_filter = n % 4 == 1;
                check_everywhere(c, all_targets());
            }
}

// Heads and groups of the published models: no multiples of a vector.
TEST(LsraMatrix, Widths) {
    int n = 0;
    for (int width : {1, 2, 7, 16, 20, 25, 30, 40, 51, 62, 64, 112, 128})
        for (int group : {1, 5, 15, 16, 17, 20, 25, 51, 62, 64, 112, 130})
            for (const char *op : {"lsra_core", "lsra_core_step"}) {
                Config c = sized(op, 33, n % 4 * 13, n);
                c.D = width, c.Dv = group;
                c.attributes["K"] = at(windows, n) + 8.0;
                if (c.op == "lsra_core")
                    c.attributes["P"] = 3.0, c.attributes["causal"] = n % 2 + 0.0;
                ++n;
                check_everywhere(c, all_targets());
            }
}

TEST(LsraMatrix, Steps) {
    int n = 0;
    for (int before : {0, 1, 5, 16, 63, 64, 1023, 1024, 1025})
        for (int steps : {0, 1, 2, 16, 33})
            for (int taps : {1, 2, 7, 31}) {
                Config c = sized("lsra_core_step", steps, before, n++);
                c.attributes["K"] = static_cast<double>(taps);
                c.one_filter = n % 4 == 1;
                check_everywhere(c, all_targets());
            }
}

}  // namespace
}  // namespace attune::tests
