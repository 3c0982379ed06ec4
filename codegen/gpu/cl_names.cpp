#include "cl_names.h"

#include <algorithm>
#include <map>
#include <set>

namespace attune {

namespace {

const std::string kFirst = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR";

// a, b, ..., aa, ab, ...
std::string name_of(size_t i) {
    static const std::string letters = kFirst + "0123456789";
    if (i < kFirst.size()) return kFirst.substr(i, 1);
    i -= kFirst.size();
    size_t rest = i / letters.size();
    return name_of(rest) + letters[i % letters.size()];
}

template <typename Call>
void for_each_part(const std::string &text, Call call) {
    for (size_t at = 0; at < text.size();) {
        size_t from = std::min(text.find('$', at), text.size());
        size_t to = std::min(text.find('$', from + 1), text.size());
        call(text.substr(at, from - at), from < text.size() ? text.substr(from, to - from) : "");
        at = to + 1;
    }
}

}  // namespace

std::string with_short_names(const std::string &text, const std::vector<ClToken> &avoid) {
    std::map<std::string, size_t> count;
    for_each_part(text, [&](const std::string &, const std::string &id) { count[id]++; });
    count.erase("");
    std::vector<std::pair<size_t, std::string>> order;
    for (auto &[id, uses] : count) order.push_back({uses, id});
    std::stable_sort(order.begin(), order.end(),
                     [](auto &a, auto &b) { return a.first > b.first; });
    std::set<std::string> taken{"if", "do"};
    for (const ClToken &t : avoid) taken.insert(t.text);
    std::map<std::string, std::string> names{{"", ""}};
    size_t next = 0;
    for (auto &[uses, id] : order) {
        while (taken.count(name_of(next))) next++;
        names[id] = name_of(next++);
    }
    std::string out;
    for_each_part(text, [&](const std::string &between, const std::string &id) {
        out += between + names[id];
    });
    return out;
}

}  // namespace attune
