#include "cl_expression.h"

#include <algorithm>
#include <map>
#include <set>

namespace attune {

namespace {

const std::set<std::string> kTypes{
    "void",  "bool", "char",  "uchar",  "short",    "ushort", "int",     "uint",      "long",
    "ulong", "half", "float", "double", "unsigned", "const",  "__local", "__private", "__global"};
// Of one value for the same arguments.
const std::set<std::string> kPure{
    "abs",          "as_float",     "as_int",       "as_uint",     "ceil",
    "clamp",        "exp",          "exp2",         "fabs",        "float_from_bits",
    "floor",        "fma",          "fmax",         "fmin",        "get_group_id",
    "get_local_id", "inf_f32",      "isfinite",     "isinf",       "isnan",
    "log",          "log2",         "mad",          "max",         "min",
    "mul_hi",       "nan_f32",      "native_exp",   "native_exp2", "native_log",
    "native_log2",  "native_recip", "native_rsqrt", "neg_inf_f32", "pow",
    "rint",         "round",        "rsqrt",        "select",      "sqrt",
    "tanh",         "trunc"};

int operations(const ClNode &n) {
    bool slow = n.kind == ClNode::Load || n.kind == ClNode::Call || n.text == "/" || n.text == "%";
    int out = slow ? 100 : n.kind != ClNode::Literal && n.kind != ClNode::Use;
    for (const ClNode &a : n.args) out += operations(a);
    return out;
}

}  // namespace

bool is_cl_type(const ClToken &token) { return kTypes.count(token.text); }
bool is_pure_cl_function(const std::string &name) { return kPure.count(name); }

int cl_precedence(const std::string &op) {
    static const std::map<std::string, int> table{
        {"||", 2}, {"&&", 3}, {"|", 4},  {"^", 5},  {"&", 6},  {"==", 7},
        {"!=", 7}, {"<", 8},  {">", 8},  {"<=", 8}, {">=", 8}, {"<<", 9},
        {">>", 9}, {"+", 10}, {"-", 10}, {"*", 11}, {"/", 11}, {"%", 11}};
    auto found = table.find(op);
    return found == table.end() ? 0 : found->second;
}

bool has_load(const ClNode &n) {
    return n.kind == ClNode::Load || std::any_of(n.args.begin(), n.args.end(), has_load);
}

bool is_pure(const ClNode &n) {
    if (n.kind == ClNode::Call && !kPure.count(n.text)) return false;
    return std::all_of(n.args.begin(), n.args.end(), is_pure);
}

bool is_cheap(const ClNode &n) { return operations(n) <= 2; }

void for_each_use(ClNode &n, const std::function<void(ClNode &)> &call) {
    if (n.kind == ClNode::Use) return call(n);
    for (ClNode &a : n.args) for_each_use(a, call);
}

}  // namespace attune
