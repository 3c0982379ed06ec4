// Fixed matrices of the dense family: options, packed sequences, pages, parts, and storage types.
#include "matrix.h"

#include <algorithm>

namespace attune::tests {
namespace {

TEST(DenseOptions, SharedBiasAndMask) {
    int n = 0;
    for (int bias = -1; bias < 8; ++bias)
        for (int mask = -1; mask < 8; ++mask) {
            Config c = sized("dense", at(lengths, 1 + n % 16), at(lengths, 1 + n % 17), n);
            if (bias >= 0) c.bias = bias;
            if (mask >= 0) c.mask = mask;
            set_band(c, n % 3 == 0, n % 2, -1, -1);
            ++n;
            check_everywhere(c, all_targets());
        }
}

std::vector<int> some_offsets(const Config &c, int n) {  // before, among and behind the keys
    const auto lq = static_cast<int>(c.Lq), lk = static_cast<int>(c.Lk);
    const int all[] = {-lq - 2, -1, 0, lk / 2, lk - lq, lk + 3};
    std::vector<int> out;
    for (std::int64_t b = 0; b < c.B; ++b) out.push_back(at(all, n + static_cast<int>(b)));
    return out;
}

TEST(DenseOptions, Together) {
    for (int n = 0; n < 192; ++n) {
        Config c = sized("dense", at(lengths, 1 + n * 5 % 16), at(lengths, 1 + n % 17), n);
        if (n % 3 == 0) c.D = c.Dv = 64;
        if (n & 1) c.bias = n / 2 % 8;
        if (n & 2) c.mask = n / 3 % 8;
        if (n & 4) c.sink = true;
        if (n & 8) c.attributes["softcap"] = 3.0;
        if (n & 16) c.q_offset = some_offsets(c, n);
        c.alibi = n / 32 % 3;
        if (n % 5 < 2) c.kv_len = some_lengths(c.B, c.Lk, n), c.poison = true;
        if (n % 7 < 2) c.q_len = some_lengths(c.B, c.Lq, n / 2);
        set_band(c, n % 3 == 1, n % 2, at(windows, n), at(windows, n / 4));
        check_everywhere(c, all_targets());
    }
}

// Offsets near the ends of the integers' range that lengths allow.
TEST(DenseOptions, FarOffsets) {
    for (const int offset : {-1000000, 1000000})
        for (int band = 0; band < 4; ++band) {
            Config c = sized("dense", 17, 33, 7 + band);
            c.q_offset.assign(static_cast<std::size_t>(c.B), offset);
            set_band(c, band & 1, 0, band & 2 ? 3 : -1, -1);
            check_everywhere(c, all_targets());
        }
}

struct Sequences {
    std::vector<int> queries, keys;
};
const Sequences packs[] = {
    {{1}, {1}},
    {{0, 5, 0}, {3, 0, 7}},
    {{0, 0}, {0, 0}},
    {{0, 0}, {9, 4}},
    {{16, 17, 15}, {64, 65, 63}},
    {{1, 1, 1, 1, 1}, {128, 3, 0, 257, 16}},  // decoding
    {{129, 2, 64}, {129, 300, 1}},
    {{3, 1, 4, 1, 5, 9, 2, 6}, {2, 7, 1, 8, 2, 8, 1, 8}},
};

void set_sequences(Config &c, const Sequences &sequences) {
    c.B = static_cast<std::int64_t>(sequences.queries.size());
    c.q_len = sequences.queries, c.kv_len = sequences.keys;
    c.Lq = *std::max_element(c.q_len.begin(), c.q_len.end());
    c.Lk = *std::max_element(c.kv_len.begin(), c.kv_len.end());
}

TEST(VarlenMatrix, Sequences) {
    int n = 0;
    for (const Sequences &sequences : packs)
        for (int band = 0; band < 4; ++band)
            for (int options = 0; options < 6; ++options) {
                Config c = sized("dense_varlen", 0, 0, n++);
                set_sequences(c, sequences);
                if (options % 2)  // a part of the keys, and NaN behind it
                    for (const int length : c.kv_len) c.kv_used.push_back(length * (n % 3) / 2);
                c.poison = true;
                c.alibi = options % 3;
                c.sink = n % 4 == 0;
                if (n % 5 == 0) c.attributes["softcap"] = 4.0;
                if (n % 3 == 0) c.attributes["max_q"] = c.Lq + n % 2 * 100.0;
                if (n % 3 == 1) c.attributes["max_k"] = c.Lk + n % 2 * 100.0;
                set_band(c, band & 1, band & 2, n % 4 ? -1 : 5, -1);
                check_everywhere(c, all_targets());
            }
}

TEST(VarlenMatrix, WidthsAndHeads) {
    int n = 0;
    for (const int width : widths)
        for (const auto &head : heads) {
            Config c = sized("dense_varlen", 0, 0, n++);
            set_sequences(c, packs[4 + n % 4]);
            c.D = c.Dv = width, c.Hq = head[0], c.Hkv = head[1];
            set_band(c, n % 2, 0, -1, -1);
            check_everywhere(c, all_targets());
        }
}

TEST(PagedMatrix, Pages) {
    int n = 0;
    for (const int page : {1, 3, 16, 17, 64})
        for (const int lq : {0, 1, 5, 33, 130})
            for (const int lk : {1, 16, 47, 64, 200})
                for (int packed = 0; packed < 2; ++packed) {
                    Config c = sized("dense_paged", lq, lk, n++);
                    c.page = page, c.packed = packed != 0;
                    c.B = 3;
                    if (n % 4) c.kv_len = some_lengths(c.B, lk, n);
                    if (c.packed && n % 3) c.q_len = some_lengths(c.B, lq, n / 2);
                    c.alibi = n / 2 % 3, c.sink = n % 5 == 0;
                    if (n % 7 == 0) c.attributes["softcap"] = 4.0;
                    set_band(c, n % 3 == 0, 0, n % 4 ? -1 : 20, -1);
                    check_everywhere(c, all_targets());
                }
}

// Kernels for one query have chunks of 1024 keys.
TEST(PagedMatrix, OneQueryOfManyKeys) {
    int n = 0;
    for (const int page : {3, 16})
        for (const int lk : {1023, 1025, 3000})
            for (const auto &head : heads) {
                Config c = sized("dense_paged", 1, lk, n++);
                c.B = 3, c.page = page, c.packed = false;
                c.D = c.Dv = n % 2 ? 64 : 40, c.Hq = head[0], c.Hkv = head[1];
                if (n % 3) c.kv_len = some_lengths(c.B, lk, n);
                check_everywhere(c, all_targets());
            }
}

TEST(PagedMatrix, WidthsAndHeads) {
    int n = 0;
    for (const int width : widths)
        for (const auto &head : heads) {
            Config c = sized("dense_paged", at(lengths, 1 + n % 9), at(lengths, 1 + n % 16), n);
            c.page = 16, c.packed = n % 2 != 0;
            c.D = c.Dv = width, c.Hq = head[0], c.Hkv = head[1];
            ++n;
            check_everywhere(c, all_targets());
        }
}

// Some with n_split, some with split_size; sizes of one key, and more parts than keys.
void set_cut(Config &c, int n) {
    const int splits[] = {1, 2, 3, 7}, tiles[] = {1, 16, 5};
    if (n % 2 == 0) {
        c.attributes["n_split"] = static_cast<double>(at(splits, n / 2));
        if (n % 3 == 0) c.attributes["tile"] = static_cast<double>(at(tiles, n / 3));
        return;
    }
    const auto size = std::max<std::int64_t>(1, c.Lk / at(splits, n / 2) + n % 3);
    c.attributes["split_size"] = static_cast<double>(size);
}

TEST(SplitMatrix, Parts) {
    int n = 0;
    for (const int lq : {1, 3, 17, 65})
        for (const int lk : {1, 2, 16, 33, 128, 300})
            for (const int page : {0, 1, 3, 16, 64})
                for (int repeat = 0; repeat < 2; ++repeat) {
                    Config c = sized("dense_split", lq, lk, n);
                    c.page = page;
                    set_cut(c, n);
                    ++n;
                    if (n % 3 == 0) c.kv_len = some_lengths(c.B, lk, n), c.poison = true;
                    if (n % 4 == 0) c.alibi = 1 + n / 4 % 2;
                    if (n % 5 == 0) c.attributes["softcap"] = 4.0;
                    if (!page && n % 3 == 1) c.bias = n / 3 % 8;
                    if (!page && n % 4 == 1) c.mask = n / 4 % 8;
                    if (!page && n % 5 == 1) c.q_offset = some_offsets(c, n);
                    if (!page && n % 5 == 2) c.q_len = some_lengths(c.B, lq, n);
                    set_band(c, n % 3 == 2, !page && n % 2, n % 4 ? -1 : 20, -1);
                    check_everywhere(c, all_targets());
                }
}

TEST(SplitMatrix, WidthsAndHeads) {
    int n = 0;
    for (const int width : widths)
        for (const auto &head : heads) {
            Config c = sized("dense_split", at(lengths, 1 + n % 9), at(lengths, 1 + n % 16), n);
            set_cut(c, n++);
            c.D = c.Dv = width, c.Hq = head[0], c.Hkv = head[1];
            check_everywhere(c, all_targets());
        }
}

TEST(MergeMatrix, Parts) {
    int n = 0;
    for (const int parts : {1, 2, 3, 7, 20})
        for (const int lq : {0, 1, 3, 16, 65})
            for (const int width : widths) {
                Config c = sized("dense_merge", lq, 0, n++);
                c.parts = parts, c.Dv = width, c.sink = n % 3 == 0;
                check_everywhere(c, all_targets());
            }
}

// A thin selection in each 16-bit type: the edges of vectors and tiles, and each option.
TEST(SixteenBit, Dense) {
    for (const Dtype dtype : dtypes("dense", all_targets()))
        for (int n = 0; n < 90 && dtype != Dtype::f32; ++n) {
            Config c = sized("dense", at(lengths, 1 + n * 5 % 17), at(lengths, 1 + n % 17), n);
            c.dtype = dtype;
            if (n % 2) c.D = c.Dv = n % 4 == 1 ? 64 : 128;
            if (n % 9 == 4) c.bias = n / 9 % 8;
            if (n % 9 == 5) c.mask = n / 9 % 8;
            if (n % 9 == 6) c.sink = true, c.alibi = 1;
            if (n % 9 == 7) c.q_offset = some_offsets(c, n);
            if (n % 9 == 8) c.attributes["softcap"] = 4.0;
            if (n % 5 == 0) c.kv_len = some_lengths(c.B, c.Lk, n), c.poison = true;
            if (n % 5 == 1) c.q_len = some_lengths(c.B, c.Lq, n), c.poison = true;
            set_band(c, n % 3 == 0, n % 2, n % 4 ? -1 : 7, -1);
            check_everywhere(c, all_targets());
        }
}

TEST(SixteenBit, OtherForms) {
    for (const char *op : {"dense_varlen", "dense_paged", "dense_split", "dense_merge"})
        for (const Dtype dtype : dtypes(op, all_targets()))
            for (int n = 0; n < 30 && dtype != Dtype::f32; ++n) {
                Config c = sized(op, at(lengths, 1 + n * 5 % 17), at(lengths, 1 + n % 17), n);
                c.dtype = dtype;
                if (c.op == "dense_varlen") set_sequences(c, at(packs, n));
                if (c.op == "dense_paged") c.page = n % 2 ? 16 : 3, c.packed = n % 3 == 0;
                if (c.op == "dense_split") set_cut(c, n), c.page = n % 2 * 16;
                if (c.op != "dense_merge") set_band(c, n % 2, 0, -1, -1);
                check_everywhere(c, all_targets());
            }
}

}  // namespace
}  // namespace attune::tests
