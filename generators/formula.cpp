// How formulas of a declaration are put together.
#include "variant.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

namespace attune {

namespace {

constexpr int kSum = 5, kNot = 7, kAtom = 8;

std::string shortest(double number) {
    std::ostringstream out;
    out.precision(17);
    out << number;
    return out.str();
}

bool is_identifier(const std::string &name) {
    for (char c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
    return true;
}

}  // namespace

Value::Value(double number)
    : text(shortest(number)), terms{{"NUMBER", "", number}}, binding(number < 0 ? kSum : kAtom) {}

// A symbol such as "B+1" reads as the sum that it is.
Value::Value(const char *name)
    : text(name), terms{{"NAME", name, 0}}, binding(is_identifier(name) ? kAtom : kSum) {}

int Value::depth() const {
    static const std::set<std::string> one = {"NOT", "FLOOR", "CEIL", "SQRT"};
    static const std::set<std::string> none = {"NUMBER", "NAME", "GIVEN", "RANK"};
    int now = 0, most = 0;
    for (const Term &t : terms) {
        now += none.count(t.op) ? 1 : one.count(t.op) ? 0 : t.op == "SELECT" ? -2 : -1;
        most = std::max(most, now);
    }
    return most;
}

std::string Value::beside(int neighbour) const {
    return binding < neighbour ? "(" + text + ")" : text;
}

Value Value::infix(const char *op, const char *sign, int binding, const Value &a, const Value &b) {
    Value out = function(op, "", {a, b});
    out.text = a.beside(binding) + sign + b.beside(binding + 1);
    out.binding = binding;
    return out;
}

Value Value::function(const char *op, const std::string &name,
                      const std::vector<Value> &arguments) {
    Value out;
    for (const Value &a : arguments) {
        out.text += (out.text.empty() ? "" : ", ") + a.text;
        out.terms.insert(out.terms.end(), a.terms.begin(), a.terms.end());
    }
    out.terms.push_back({op, "", 0});
    out.text = name + "(" + out.text + ")";
    out.binding = kAtom;
    return out;
}

Value Value::of_tensor(const char *op, const std::string &text, const std::string &tensor) {
    Value out;
    out.text = text + "(" + tensor + ")";
    out.terms = {{op, tensor, 0}};
    out.binding = kAtom;
    return out;
}

Value operator!(const Value &a) {
    Value out = Value::function("NOT", "", {a});
    out.text = "!" + a.beside(kNot);
    out.binding = kNot;
    return out;
}

Value given(const std::string &tensor) { return Value::of_tensor("GIVEN", "given", tensor); }

Value rank(const std::string &tensor) { return Value::of_tensor("RANK", "rank", tensor); }

}  // namespace attune
