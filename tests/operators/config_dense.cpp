#include "family.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <numeric>

namespace attune::tests {
namespace {

using Lengths = std::vector<int>;

Lengths each(const Lengths &lengths, std::int64_t batch, std::int64_t absent) {
    if (!lengths.empty()) return lengths;
    return Lengths(static_cast<std::size_t>(batch), static_cast<int>(absent));
}

Lengths prefix_sums(const Lengths &lengths) {
    Lengths sums = {0};
    for (const int length : lengths) sums.push_back(sums.back() + length);
    return sums;
}

// One tensor [T, H, D] of all sequences, and its prefix sums `name`.
Tensor add_packed(Case &call, const char *name, const Config &c, Engine &engine,
                  const Lengths &lengths, std::int64_t heads, std::int64_t width, double spread) {
    const Lengths sums = prefix_sums(lengths);
    call.tensors[name] = integers(c, {c.B + 1}, sums);
    return with_outer(rows(c, engine, {1, sums.back(), heads, width}, spread), {});
}

void spoil(Tensor &packed, const Lengths &lengths, const Lengths &used) {
    const Lengths sums = prefix_sums(lengths);
    const std::int64_t row = packed.shape[1] * packed.shape[2];
    for (std::size_t b = 0; b < used.size(); ++b)
        for (std::int64_t i = (sums[b] + used[b]) * row; i < sums[b + 1] * row; ++i)
            packed.set(i, std::nan(""));
}

void add_sequences(Case &call, const Config &c, Engine &engine) {
    const Lengths queries = each(c.q_len, c.B, c.Lq), keys = each(c.kv_len, c.B, c.Lk);
    call.tensors["q"] = add_packed(call, "cu_q", c, engine, queries, c.Hq, c.D, c.spread);
    call.tensors["k"] = add_packed(call, "cu_k", c, engine, keys, c.Hkv, c.D, 1);
    call.tensors["v"] = add_packed(call, "cu_k", c, engine, keys, c.Hkv, c.Dv, 1);
    if (c.kv_used.empty()) return;
    call.tensors["kv_used"] = integers(c, {c.B}, c.kv_used);
    for (const char *name : {"k", "v"})
        if (c.poison) spoil(call.tensors[name], keys, c.kv_used);
}

// Pages in a random order, some of them in the tables of two sequences. Entries that are not read
// hold no page; NaN fills pages of no sequence and the rows behind the last keys.
void add_pages(Case &call, const Config &c, Engine &engine) {
    const Lengths keys = each(c.kv_len, c.B, c.Lk);
    const auto size = static_cast<int>(c.page), width = static_cast<int>(c.Lk) / size + 2;
    int pages = 2;
    for (const int length : keys) pages += (length + size - 1) / size;
    Lengths order(static_cast<std::size_t>(pages)), used(order.size(), 0), table;
    std::iota(order.begin(), order.end(), 0);
    for (int i = pages - 1; i > 0; --i)
        std::swap(order[static_cast<std::size_t>(i)],
                  order[static_cast<std::size_t>(pick(engine, 0, i))]);
    for (const int length : keys)
        for (int t = 0; t < width; ++t) {
            const bool shared = t * size < std::min(length, keys[0]) && pick(engine, 0, 2) == 0 &&
                                table.size() >= static_cast<std::size_t>(width);
            if (t * size >= length) {
                table.push_back(one_of(engine, {-7, 1 << 30, INT_MIN, INT_MAX}));
                continue;
            }
            table.push_back(shared ? table[static_cast<std::size_t>(t)] : order.back());
            if (!shared) order.pop_back();
            int &most = used[static_cast<std::size_t>(table.back())];
            most = std::max(most, std::min(size, length - t * size));
        }
    call.tensors["k_pages"] = rows(c, engine, {pages, size, c.Hkv, c.D}, 1, used);
    call.tensors["v_pages"] = rows(c, engine, {pages, size, c.Hkv, c.Dv}, 1, used);
    call.tensors["block_table"] = integers(c, {c.B, width}, table);
    call.tensors["kv_len"] = integers(c, {c.B}, keys);
}

void add_queries(Case &call, const Config &c, Engine &engine) {
    const bool lengths = !c.q_len.empty() && !c.page;
    call.tensors["q"] = rows(c, engine, {c.B, c.Lq, c.Hq, c.D}, c.spread,
                             c.poison && lengths ? c.q_len : Lengths());
    if (lengths) call.tensors["q_len"] = integers(c, {c.B}, c.q_len);
    if (!c.q_offset.empty()) call.tensors["q_offset"] = integers(c, {c.B}, c.q_offset);
}

void add_keys(Case &call, const Config &c, Engine &engine) {
    const Lengths behind = c.poison ? c.kv_len : Lengths();
    call.tensors["k"] = rows(c, engine, {c.B, c.Lk, c.Hkv, c.D}, 1, behind);
    call.tensors["v"] = rows(c, engine, {c.B, c.Lk, c.Hkv, c.Dv}, 1, behind);
    if (!c.kv_len.empty()) call.tensors["kv_len"] = integers(c, {c.B}, c.kv_len);
}

// A bias or mask: here and there an element that excludes its key, and whole rows of them.
Tensor of_pairs(const Config &c, Engine &engine, Dtype dtype, int shared, double excluded) {
    const auto extent = [&](Shared bit, std::int64_t all) { return shared & bit ? 1 : all; };
    Tensor tensor = poisoned(
        dtype,
        {extent(shared_batch, c.B), extent(shared_heads, c.Hq), extent(shared_rows, c.Lq), c.Lk},
        c.layout, c.guard);
    bool empty = false;
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
        if (i % c.Lk == 0) empty = pick(engine, 0, 7) == 0;
        const bool out = empty || pick(engine, 0, 4) == 0;
        const double value = dtype == Dtype::u8 ? 1 : normal(engine, 2);
        tensor.set(i, out ? excluded : value);
    }
    return tensor;
}

void add_options(Case &call, const Config &c, Engine &engine) {
    if (c.bias) call.tensors["bias"] = of_pairs(c, engine, Dtype::f32, *c.bias, -INFINITY);
    if (c.mask) call.tensors["mask"] = of_pairs(c, engine, Dtype::u8, *c.mask, 0);
    if (c.alibi) {
        std::vector<std::int64_t> shape = {c.Hq};
        if (c.alibi == 2) shape.insert(shape.begin(), c.B);
        Tensor slopes = poisoned(Dtype::f32, shape, c.layout, c.guard);
        for (std::int64_t i = 0; i < slopes.elements(); ++i)
            slopes.set(i, std::exp2(-pick(engine, 1, 64) / 8.0));
        call.tensors["alibi"] = slopes;
    }
    if (!c.sink) return;
    Tensor sinks = poisoned(Dtype::f32, {c.Hq}, Layout::blhd, c.guard);
    for (std::int64_t h = 0; h < c.Hq; ++h)
        sinks.set(h, pick(engine, 0, 4) == 0 ? -INFINITY : normal(engine, 3));
    call.tensors["sink"] = sinks;
}

// Parts of which some are empty; a whole row of them too.
void add_parts(Case &call, const Config &c, Engine &engine) {
    Tensor lse = poisoned(Dtype::f32, {c.parts, c.B, c.Hq, c.Lq}, c.layout, c.guard);
    Tensor o = poisoned(Dtype::f32, {c.parts * c.B, c.Lq, c.Hq, c.Dv}, c.layout, c.guard);
    fill(o, engine, 1);
    for (std::int64_t i = 0; i < lse.elements(); ++i) {
        const std::int64_t row = i % c.Lq, h = i / c.Lq % c.Hq, outer = i / c.Lq / c.Hq;
        const bool empty = row % 7 == 3 || pick(engine, 0, 4) == 0;
        lse.set(i, empty ? -INFINITY : normal(engine, 4));
        for (std::int64_t d = 0; d < c.Dv && empty; ++d)
            o.set(((outer * c.Lq + row) * c.Hq + h) * c.Dv + d, 0);
    }
    call.tensors["lse_part"] = lse;
    call.tensors["o_part"] = with_outer(o, {c.parts, c.B});
}

void inputs(Case &call, const Config &c, Engine &engine) {
    if (c.op == "dense_merge")
        add_parts(call, c, engine);
    else if (c.op == "dense_varlen")
        add_sequences(call, c, engine);
    else if (c.packed)
        call.tensors["q"] =
            add_packed(call, "cu_q", c, engine, each(c.q_len, c.B, c.Lq), c.Hq, c.D, c.spread);
    else
        add_queries(call, c, engine);
    if (c.page)
        add_pages(call, c, engine);
    else if (c.op == "dense" || c.op == "dense_split")
        add_keys(call, c, engine);
    add_options(call, c, engine);
}

void random_options(Config &c, Engine &engine) {
    const bool pairs = c.op == "dense" || (c.op == "dense_split" && !c.page);
    if (pairs && pick(engine, 0, 3) == 0) c.bias = pick(engine, 0, 7);
    if (pairs && pick(engine, 0, 3) == 0) c.mask = pick(engine, 0, 7);
    if (pairs && pick(engine, 0, 3) == 0)
        for (std::int64_t b = 0; b < c.B; ++b)
            c.q_offset.push_back(
                pick(engine, -static_cast<int>(c.Lq) - 3, static_cast<int>(c.Lk) + 3));
    if (pick(engine, 0, 3) == 0) c.alibi = pick(engine, 1, 2);
    if (c.op != "dense_split") c.sink = pick(engine, 0, 3) == 0;
    if (pick(engine, 0, 3) == 0) c.attributes["softcap"] = pick(engine, 1, 60) / 2.0;
    if (pick(engine, 0, 1)) c.attributes["causal"] = 1.0;
    if (!c.page && pick(engine, 0, 1)) c.attributes["align"] = std::string("top_left");
    if (pick(engine, 0, 2) == 0) c.attributes["left"] = pick(engine, -1, 40) + 0.0;
    if (pick(engine, 0, 2) == 0) c.attributes["right"] = pick(engine, -1, 40) + 0.0;
    if (pick(engine, 0, 4) == 0) c.attributes["scale"] = pick(engine, -8, 16) / 16.0;
}

void random_sequences(Config &c, Engine &engine) {
    c.B = pick(engine, 1, 5);
    c.q_len = each(random_lengths(engine, c.B, c.Lq), c.B, c.Lq);
    c.kv_len = each(random_lengths(engine, c.B, c.Lk), c.B, c.Lk);
    if (pick(engine, 0, 2) == 0)
        for (const int length : c.kv_len) c.kv_used.push_back(pick(engine, 0, length));
    if (pick(engine, 0, 2) == 0) c.attributes["max_q"] = static_cast<double>(c.Lq);
    if (pick(engine, 0, 2) == 0) c.attributes["max_k"] = c.Lk + pick(engine, 0, 40) + 0.0;
}

void random_splits(Config &c, Engine &engine) {
    if (pick(engine, 0, 1)) {
        c.attributes["n_split"] = pick(engine, 1, 7) + 0.0;
        if (pick(engine, 0, 1)) c.attributes["tile"] = one_of(engine, {1, 3, 16, 64}) + 0.0;
    } else {
        const int least = static_cast<int>(c.Lk) / 7 + 1;
        c.attributes["split_size"] = pick(engine, least, static_cast<int>(c.Lk) + 9) + 0.0;
    }
}

void randomise(Config &c, Engine &engine) {
    c.Lk = random_length(engine);
    c.Dv = pick(engine, 0, 3) ? c.D : random_width(engine);
    if (pick(engine, 0, 3) == 0) c.q_len = random_lengths(engine, c.B, c.Lq);
    if (pick(engine, 0, 1)) c.kv_len = random_lengths(engine, c.B, c.Lk);
    const bool paged = c.op == "dense_paged" || (c.op == "dense_split" && pick(engine, 0, 1));
    if (paged) c.page = one_of(engine, {1, 3, 16, 17, 64});
    if (c.op == "dense_varlen") random_sequences(c, engine);
    if (c.op == "dense_split") random_splits(c, engine);
    if (c.op == "dense_paged") c.packed = pick(engine, 0, 1) != 0;
    if (c.op == "dense_merge") {
        c.parts = one_of(engine, {1, 2, 3, 7});
        c.sink = pick(engine, 0, 1) != 0;
    } else {
        random_options(c, engine);
    }
}

}  // namespace

const Family dense_family = {
    {"dense", "dense_varlen", "dense_paged", "dense_split", "dense_merge"}, inputs, randomise};

}  // namespace attune::tests
