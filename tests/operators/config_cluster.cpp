#include "family.h"

#include <numeric>

namespace attune::tests {
namespace {

// The first n ranks hold tokens 0..n-1 in a random order, the others the padding.
void add_order(Case &call, const Config &config, Engine &engine) {
    std::vector<int> perm, ids;
    for (std::int64_t b = 0; b < config.B; ++b) {
        const auto n = config.kv_len.empty() ? config.Lq : config.kv_len[static_cast<size_t>(b)];
        std::vector<int> one(static_cast<std::size_t>(config.Lq));
        std::iota(one.begin(), one.end(), 0);
        for (int i = static_cast<int>(n) - 1; i > 0 && !config.ordered; --i)
            std::swap(one[static_cast<std::size_t>(i)],
                      one[static_cast<std::size_t>(pick(engine, 0, i))]);
        perm.insert(perm.end(), one.begin(), one.end());
        for (std::int64_t i = 0; i < config.Lq; ++i) ids.push_back(pick(engine, 0, 2));
    }
    call.tensors["perm"] = integers(config, {config.B, config.Lq}, perm);
    if (call.number("same_cluster", 0) != 0)
        call.tensors["ids"] = integers(config, {config.B, config.Lq}, ids);
    if (!config.kv_len.empty()) call.tensors["n_len"] = integers(config, {config.B}, config.kv_len);
}

void inputs(Case &call, const Config &c, Engine &engine) {
    const std::vector<int> lengths = c.poison ? c.kv_len : std::vector<int>();
    call.tensors["q"] = rows(c, engine, {c.B, c.Lq, c.Hq, c.D}, c.spread, lengths);
    call.tensors["k"] = rows(c, engine, {c.B, c.Lq, c.Hkv, c.D}, 1, lengths);
    call.tensors["v"] = rows(c, engine, {c.B, c.Lq, c.Hkv, c.Dv}, 1, lengths);
    add_order(call, c, engine);
}

void randomise(Config &c, Engine &engine) {
    c.attributes["chunk"] = static_cast<double>(pick(engine, 1, pick(engine, 0, 1) ? 24 : 300));
    if (pick(engine, 0, 2) == 0) c.attributes["causal"] = 1.0;
    if (pick(engine, 0, 2) == 0) c.attributes["same_cluster"] = 1.0;
    if (pick(engine, 0, 1)) c.kv_len = random_lengths(engine, c.B, c.Lq);
    c.Lk = c.Lq, c.Dv = c.D;
    if (pick(engine, 0, 4) == 0) c.attributes["scale"] = pick(engine, -8, 16) / 16.0;
}

}  // namespace

const Family cluster_family = {{"cluster_attn"}, inputs, randomise};

}  // namespace attune::tests
