// A call in a few numbers, from which its tensors follow: for matrices, and for random calls that a
// seed and a number repeat.
#ifndef ATTUNE_TESTS_OPERATORS_CONFIG_H
#define ATTUNE_TESTS_OPERATORS_CONFIG_H

#include "guarded.h"

#include <map>
#include <optional>

namespace attune::tests {

// Dimensions of a bias or mask that have extent 1, added up.
enum Shared { shared_none = 0, shared_batch = 1, shared_heads = 2, shared_rows = 4 };

// dense_varlen packs B sequences of lengths q_len and kv_len; absent: all Lq and Lk.
struct Config {
    std::string op = "dense";
    Dtype dtype = Dtype::f32;  // of storage tensors
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
    // Of the dense family:
    std::optional<int> bias, mask;  // Shared
    int alibi = 0;                  // 1: [Hq], 2: [B, Hq]
    bool sink = false;
    std::vector<int> q_offset, kv_used;  // empty: absent
    std::int64_t page = 0;               // rows of a page; 0: keys are not in pages
    bool packed = false;                 // dense_paged: with cu_q, rows of lengths q_len
    std::int64_t parts = 2;              // dense_merge: S
    bool one_filter = false;             // lsra_core: the same for all tokens
};

// Operators that have configurations.
std::vector<std::string> all_ops();

// One line for messages.
std::string describe(const Config &config);

// The inputs and attributes, with outputs that nothing has written to yet.
Case make_case(const Config &config);

// Same seed and number, same call. Every combination is legal and in this release.
Config random_config(const std::string &op, std::uint64_t seed, int number);

// Outputs of the right shapes for the inputs of `call`, in the type of o if it has one.
void add_outputs(Case &call, bool lse, Layout layout = Layout::blhd, Guard guard = Guard::after);

}  // namespace attune::tests
#endif
