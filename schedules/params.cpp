#include "params.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

namespace attune {

extern const char *const kTunedRecords;  // schedules/tuned/*.json, embedded by the build

namespace {

constexpr int kMost = 1 << 20;

struct Field {
    const char *name;
    int Params::*member;
};
const Field kFields[] = {
    {"query_tile", &Params::query_tile}, {"key_chunk", &Params::key_chunk},
    {"key_step", &Params::key_step},     {"columns", &Params::columns},
    {"tile_rows", &Params::tile_rows},   {"columns_on_lanes", &Params::columns_on_lanes},
    {"threads_x", &Params::threads_x},   {"threads_y", &Params::threads_y},
    {"unroll", &Params::unroll},         {"ahead", &Params::ahead},
    {"next_block", &Params::next_block}};

// Exact fields of a record that agree with the key; -1 if one contradicts it.
int fit(const nlohmann::json &record, const ParamsKey &key) {
    const nlohmann::json want = {{"target", key.target},
                                 {"variant", key.variant},
                                 {"special", key.special},
                                 {"head_dim", key.head_dim}};
    int exact = 0;
    for (auto &[name, value] : want.items()) {
        if (!record.contains(name) || record[name] == "*") continue;
        const auto &those = record[name];
        const bool fits = those.is_array() ? std::count(those.begin(), those.end(), value) > 0
                                           : those == value;
        if (!fits) return -1;
        exact++;
    }
    return exact;
}

const nlohmann::json *best_record(const ParamsKey &key) {
    static const nlohmann::json records = nlohmann::json::parse(kTunedRecords);
    const nlohmann::json *best = nullptr;
    int most = -1;
    for (const auto &record : records) {
        int exact = fit(record, key);
        if (exact > most) {
            most = exact;
            best = &record;
        }
    }
    return best;
}

Params params_of(const nlohmann::json &record) {
    Params p;
    for (const Field &f : kFields) p.*f.member = record.at("params").value(f.name, 0);
    return p;
}

}  // namespace

std::string Params::text() const {
    std::string out;
    for (const Field &f : kFields)
        if (this->*f.member)
            out += (out.empty() ? "" : " ") + std::string(f.name) + "=" +
                   std::to_string(this->*f.member);
    return out;
}

Params tuned_params(const ParamsKey &key) {
    const nlohmann::json *best = best_record(key);
    if (!best) throw std::invalid_argument("no schedule is recorded for target " + key.target);
    return params_of(*best);
}

Params stage_params(ParamsKey key, const std::string &stage, const Params &kernel) {
    key.special = stage;
    const nlohmann::json *best = best_record(key);
    const bool own = best && best->contains("special") && best->at("special") != "*";
    return own ? params_of(*best) : kernel;
}

Params with_overrides(Params p, const std::string &text) {
    std::istringstream in(text);
    for (std::string word; in >> word;) {
        const size_t equal = std::min(word.find('='), word.size());
        const std::string name = word.substr(0, equal), number = word.substr(equal).erase(0, 1);
        const auto field = std::find_if(std::begin(kFields), std::end(kFields),
                                        [&](const Field &f) { return name == f.name; });
        const bool digits = !number.empty() && number.size() <= 7 &&
                            number.find_first_not_of("0123456789") == std::string::npos;
        if (field == std::end(kFields) || !digits)
            throw std::invalid_argument("schedule '" + word + "' is not NAME=NUMBER");
        p.*field->member = std::stoi(number);
        if (p.*field->member > kMost)
            throw std::invalid_argument("schedule '" + word + "': at most " +
                                        std::to_string(kMost));
    }
    if (p.query_tile < 1 || p.key_chunk < 1)
        throw std::invalid_argument("schedule: query_tile " + std::to_string(p.query_tile) +
                                    " and key_chunk " + std::to_string(p.key_chunk) +
                                    " are at least 1");
    // A record's tiles go with its block.
    if (p.tile_rows > 0 && p.query_tile % p.tile_rows != 0 &&
        text.find("tile_rows") == std::string::npos)
        p.tile_rows = 0;
    if (p.tile_rows > 0 && p.query_tile % p.tile_rows != 0)
        throw std::invalid_argument("schedule: tile_rows " + std::to_string(p.tile_rows) +
                                    " does not divide query_tile " +
                                    std::to_string(p.query_tile));
    if (p.key_step > 0 && p.key_chunk % p.key_step != 0)
        throw std::invalid_argument("schedule: key_step " + std::to_string(p.key_step) +
                                    " does not divide key_chunk " + std::to_string(p.key_chunk));
    return p;
}

}  // namespace attune
