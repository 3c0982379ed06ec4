// Packed sequences and pages are other ways to hold the same tensors.
#include "property.h"

#include <numeric>

namespace attune::tests {
namespace {

using Order = std::vector<std::int64_t>;

Order range(std::int64_t first, std::int64_t end) {
    Order order(static_cast<std::size_t>(end - first));
    std::iota(order.begin(), order.end(), first);
    return order;
}

Tensor integers(const Order &values) {
    Tensor tensor = Tensor::zeros(Dtype::i32, {static_cast<std::int64_t>(values.size())});
    for (std::size_t i = 0; i < values.size(); ++i)
        tensor.set(static_cast<std::int64_t>(i), static_cast<double>(values[i]));
    return tensor;
}

std::int64_t integer(const Case &call, const char *name, std::int64_t at) {
    return static_cast<std::int64_t>(call.tensors.at(name).at(at));
}

Order rows_of(const Case &call, const char *prefix, std::int64_t b) {
    return range(integer(call, prefix, b), integer(call, prefix, b + 1));
}

void keep_sequence(Case &call, std::int64_t b) {
    for (const char *name : {"kv_used", "alibi", "kv_len", "block_table"})
        if (call.has(name) &&
            !(name == std::string("alibi") && call.tensors[name].shape.size() == 1))
            call.tensors[name] = take(call.tensors[name], 0, {b});
}

// Sequence b of a packed call alone.
Case sequence(const Case &call, std::int64_t b) {
    Case one = call;
    const Order rows = rows_of(call, "cu_q", b);
    one.tensors["q"] = take(call.tensors.at("q"), 0, rows);
    one.tensors["cu_q"] = integers({0, static_cast<std::int64_t>(rows.size())});
    if (call.has("cu_k")) {
        const Order keys = rows_of(call, "cu_k", b);
        for (const char *name : {"k", "v"})
            one.tensors[name] = take(call.tensors.at(name), 0, keys);
        one.tensors["cu_k"] = integers({0, static_cast<std::int64_t>(keys.size())});
    }
    keep_sequence(one, b);
    return again(one);
}

// What a packed call gave for sequence b, as the output of a call for that sequence.
void take_results(Case &one, const Case &whole, std::int64_t b) {
    const Order rows = rows_of(whole, "cu_q", b);
    one.tensors["o"] = take(whole.tensors.at("o"), 0, rows);
    one.tensors["lse"] = take(whole.tensors.at("lse"), 1, rows);
}

Case with_batch(Case call) {  // a dimension of 1 in front
    for (auto &[name, tensor] : call.tensors) {
        tensor.shape.insert(tensor.shape.begin(), 1);
        tensor.strides.insert(tensor.strides.begin(), 0);
    }
    return call;
}

class PackedSequences : public Property {
protected:
    std::vector<Config> packed_configs() const {
        std::vector<Config> all;
        for (Config config : all_configs()) {
            config.packed = op() == "dense_paged";
            config.q_len = {132, 5, 100}, config.kv_len = {60, 0, 77};
            all.push_back(config);
            if (op() == "dense_varlen") config.kv_used = {31, 0, 77}, all.push_back(config);
        }
        return all;
    }
};

TEST_P(PackedSequences, HaveTheBitsOfOneAlone) {
    for (const Config &config : packed_configs()) {
        const Case call = make_case(config);
        run_here(call);
        for (std::int64_t b = 0; b < config.B; ++b) {
            Case taken = sequence(call, b);
            const Bits alone = run_here(taken);
            take_results(taken, call, b);
            EXPECT_EQ(bits_of(taken), alone) << "sequence " << b << ": " << describe(config);
        }
    }
}

TEST_P(PackedSequences, PoisonBehindLengthsChangesNothing) {
    for (Config config : packed_configs()) {
        const Bits clean = run_here(make_case(config));
        config.poison = true;
        EXPECT_EQ(run_here(make_case(config)), clean) << describe(config);
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, PackedSequences,
                         testing::Combine(testing::Values("dense_varlen", "dense_paged"),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

class Varlen : public Property {};

TEST_P(Varlen, SequencesAreDense) {
    for (const Config &config : configs()) {
        const Case call = make_case(config);
        run_here(call);
        for (std::int64_t b = 0; b < config.B; ++b) {
            Case one = sequence(call, b);
            one.op = "dense";
            one.tensors.erase("cu_q"), one.tensors.erase("cu_k");
            take_results(one, call, b);
            one = with_batch(one);
            EXPECT_TRUE(Expected(one).holds(one)) << "sequence " << b << ": " << describe(config);
        }
    }
}

TEST_P(Varlen, HintsChangeNothing) {
    for (const Config &config : configs()) {
        const Case call = make_case(config);
        const Bits want = run_here(call);
        for (const double more : {0.0, 1.0, 1000.0}) {
            Case hinted = again(call);
            hinted.attributes["max_q"] = 132 + more;
            EXPECT_EQ(run_here(hinted), want) << describe(config);
            hinted.attributes["max_k"] = 132 + more;
            EXPECT_EQ(run_here(hinted), want) << describe(config);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Varlen,
                         testing::Combine(testing::Values(std::string("dense_varlen")),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

// The same keys and values without pages: [B, longest, Hkv, D].
Case contiguous(const Case &paged, const Config &config) {
    Case call = paged;
    call.op = "dense";
    call.tensors.erase("block_table");
    const std::int64_t table_width = paged.tensors.at("block_table").shape[1];
    for (const char *name : {"k", "v"}) {
        const std::string from = std::string(name) + "_pages";
        const Tensor &pages = paged.tensors.at(from);
        Tensor rows =
            Tensor::zeros(pages.dtype, {config.B, config.Lk, pages.shape[2], pages.shape[3]});
        const std::int64_t row = pages.shape[2] * pages.shape[3];
        for (std::int64_t i = 0; i < rows.elements(); ++i) {
            const std::int64_t j = i / row % config.Lk, b = i / row / config.Lk;
            if (j >= integer(paged, "kv_len", b)) continue;
            const std::int64_t page =
                integer(paged, "block_table", b * table_width + j / config.page);
            rows.set(i, pages.at((page * config.page + j % config.page) * row + i % row));
        }
        call.tensors.erase(from);
        call.tensors[name] = rows;
    }
    return call;
}

class Paged : public Property {};

TEST_P(Paged, IsDenseOfTheSameKeys) {
    for (Config config : configs())
        for (const int page : {1, 3, 16, 17, 64}) {
            config.page = page, config.packed = false;
            const Case call = make_case(config);
            run_here(call);
            EXPECT_TRUE(Expected(contiguous(call, config)).holds(call)) << describe(config);
        }
}

TEST_P(Paged, PlacesOfPagesChangeNothing) {
    for (const Config &config : configs()) {
        const Case call = make_case(config);
        const Bits want = run_here(call);
        Case moved = again(call);
        const std::int64_t pages = call.tensors.at("k_pages").shape[0];
        Order order = range(0, pages);
        std::reverse(order.begin(), order.end());
        for (const char *name : {"k_pages", "v_pages"})
            moved.tensors[name] = take(call.tensors.at(name), 0, order);
        Tensor &table = moved.tensors["block_table"] =
            take(call.tensors.at("block_table"), 0, range(0, config.B));
        for (std::int64_t i = 0; i < table.elements(); ++i)
            if (table.at(i) >= 0 && table.at(i) < static_cast<double>(pages))
                table.set(i, static_cast<double>(pages - 1) - table.at(i));
        EXPECT_EQ(run_here(moved), want) << describe(config);
    }
}

TEST_P(Paged, PackedQueriesOfOneLengthAreABatch) {
    for (Config config : configs()) {
        config.q_len.clear();
        config.packed = true;
        const Case packed = make_case(config);
        config.packed = false;
        const Case batch = make_case(config);
        run_here(packed), run_here(batch);
        EXPECT_TRUE(Expected(batch).holds(batch)) << describe(config);
        for (std::int64_t b = 0; b < config.B; ++b) {
            Case one = batch;
            take_results(one, packed, b);
            one.tensors["q"] = take(batch.tensors.at("q"), 0, {b});
            keep_sequence(one, b);
            const auto add_batch = [&](const char *name) {
                Tensor &tensor = one.tensors[name];
                tensor.shape.insert(tensor.shape.begin(), 1);
                tensor.strides.insert(tensor.strides.begin(), 0);
            };
            add_batch("o"), add_batch("lse");
            EXPECT_TRUE(Expected(one).holds(one)) << "sequence " << b << ": " << describe(config);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Paged,
                         testing::Combine(testing::Values(std::string("dense_paged")),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

}  // namespace
}  // namespace attune::tests
