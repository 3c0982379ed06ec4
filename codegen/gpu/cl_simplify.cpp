#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cl_expression.h"

namespace attune {

namespace {

bool is_literal(const ClNode &n, const char *text) {
    return n.kind == ClNode::Literal && n.text == text;
}

// The shortest decimal that is read back as the same number; empty where there is none.
std::string decimal(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    if (value != 0 && !std::isnormal(value)) return "";
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        std::snprintf(text, sizeof(text), "%.*g", digits, value);
        if (std::strtof(text, nullptr) == value) break;
    }
    std::string out = text;
    if (size_t plus = out.find('+'); plus != std::string::npos) out.erase(plus, 1);
    return out + (out.find_first_of(".e") == std::string::npos ? ".f" : "f");
}

}  // namespace

ClNode simplified_cl(ClNode n) {
    if (n.kind == ClNode::Cast && n.type == n.args[0].type) return ClNode(n.args[0]);
    if (n.kind == ClNode::Call && n.text == "float_from_bits" &&
        n.args.at(0).kind == ClNode::Literal) {
        std::string text = decimal(std::strtoul(n.args[0].text.c_str(), nullptr, 0));
        if (!text.empty()) return cl_literal(text, "float");
    }
    // Halide's masks.
    if (n.kind == ClNode::Select && n.args[0].type == "bool" && is_literal(n.args[1], "-1") &&
        is_literal(n.args[2], "0")) {
        n.kind = ClNode::Unary;
        n.text = "-";
        n.args.resize(1);
    }
    // Halide has computed both sides.
    if ((n.text == "&&" || n.text == "||") && n.args[0].type == "bool" && n.args[1].type == "bool")
        n.text.pop_back();
    if (n.kind == ClNode::Binary && (n.text == "+" || n.text == "|") &&
        is_literal(n.args[0], "0") && (n.text == "|" || n.args[1].type == "int"))
        return ClNode(n.args[1]);
    return n;
}

}  // namespace attune
