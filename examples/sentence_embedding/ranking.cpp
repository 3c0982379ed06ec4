#include "ranking.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

using nlohmann::json;

namespace {

// The first columns of a line, cut between characters.
std::string shorten(const std::string &text, size_t columns) {
    if (text.size() <= columns) return text;
    size_t end = columns - 3;
    while ((text[end] & 0xC0) == 0x80) end--;
    return text.substr(0, end) + "...";
}

template <typename... Values>
std::string format(const char *pattern, Values... values) {
    char line[256];
    std::snprintf(line, sizeof line, pattern, values...);
    return line;
}

}  // namespace

double Ranking::tokens_per_second() const { return static_cast<double>(tokens) / timing.total; }

std::vector<Ranking::Entry> rank(const std::vector<std::string> &sentences, const Rows &rows,
                                 int top) {
    const auto count = static_cast<Eigen::Index>(sentences.size());
    const Eigen::VectorXf scores = rows.topRows(count) * rows.row(count).transpose();
    std::vector<Ranking::Entry> entries;
    for (size_t i = 0; i < sentences.size(); i++) {
        entries.push_back({i, scores[static_cast<Eigen::Index>(i)], sentences[i]});
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto &a, const auto &b) { return a.score > b.score; });
    entries.resize(std::min(entries.size(), static_cast<size_t>(top)));
    return entries;
}

std::string to_table(const Ranking &ranking) {
    std::string table = "score  sentence\n";
    for (const auto &entry : ranking.best) {
        table += format("%5.3f  ", entry.score) + shorten(entry.sentence, 92) + "\n";
    }
    const Timing &time = ranking.timing;
    return table +
           format("\n%zu sentences, %lld tokens, %d threads: ", ranking.sentences,
                  static_cast<long long>(ranking.tokens), ranking.threads) +
           format("%.3f s (attention %.3f, rest %.3f), %.0f tokens/s\n", time.total, time.attention,
                  time.total - time.attention, ranking.tokens_per_second());
}

std::string to_json(const Ranking &ranking) {
    json results = json::array();
    for (const auto &entry : ranking.best) {
        results.push_back(
            {{"sentence", entry.sentence}, {"index", entry.index}, {"score", entry.score}});
    }
    const Timing &time = ranking.timing;
    const json report = {
        {"query", ranking.query},
        {"results", results},
        {"sentences", ranking.sentences},
        {"tokens", ranking.tokens},
        {"threads", ranking.threads},
        {"seconds", {{"attention", time.attention}, {"rest", time.total - time.attention}}},
        {"tokens_per_second", ranking.tokens_per_second()}};
    // Bytes that are not UTF-8 become U+FFFD: the text may hold any.
    return report.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}
