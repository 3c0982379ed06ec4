// A call in a few numbers, from which its tensors follow: for matrices, and for random calls that a
// seed and a number repeat.
#ifndef ATTUNE_TESTS_OPERATORS_CONFIG_H
#define ATTUNE_TESTS_OPERATORS_CONFIG_H

#include "guarded.h"

#include <map>

namespace attune::tests {

struct Config {
    std::string op = "dense";
    std::int64_t B = 1, Lq = 16, Lk = 16, Hq = 1, Hkv = 1, D = 16, Dv = 16;
    std::map<std::string, oracle::Attribute> attributes;
    std::vector<int> q_len, kv_len;  // empty: absent. cluster_attn: kv_len is n_len, Lq is N
    Layout layout = Layout::blhd;
    Guard guard = Guard::after;
    bool poison = false;   // NaN behind the lengths
    bool lse = true;       // ask for it, where the variant has it
    bool ordered = false;  // cluster_attn: perm is the identity
    double spread = 1;     // standard deviation of q
    std::uint64_t seed = 1;
};

// One line for messages.
std::string describe(const Config &config);

// The inputs and attributes, with outputs that nothing has written to yet.
Case make_case(const Config &config);

// Same seed and number, same call. Every combination is legal and in this release.
Config random_config(const std::string &op, std::uint64_t seed, int number);

// Outputs of the right shapes for the inputs of `call`.
void add_outputs(Case &call, bool lse, Layout layout = Layout::blhd, Guard guard = Guard::after);

}  // namespace attune::tests
#endif
