#include <cstring>
#include <utility>

#include "cl_expression.h"

namespace attune {

namespace {

const int kSelect = 1, kUnary = 12, kPostfix = 13;

int precedence(const ClNode &n) {
    switch (n.kind) {
        case ClNode::Literal:
            return n.text[0] == '-' ? kUnary : kPostfix + 1;
        case ClNode::Binary:
            return cl_precedence(n.text);
        case ClNode::Select:
            return kSelect;
        case ClNode::Unary:
        case ClNode::Cast:
            return kUnary;
        default:
            return kPostfix;
    }
}

std::string at_least(const ClNode &n, int least) {
    std::string text = cl_text(n);
    return precedence(n) < least ? "(" + text + ")" : text;
}

// x + (y + z) as y + z + x: the same sum. x & (y & z) as x & y & z: the order is of no matter.
std::string text_of_binary(const ClNode &n) {
    const ClNode *a = &n.args[0], *b = &n.args[1];
    const int p = precedence(n);
    bool swap = (n.text == "+" || n.text == "*") && precedence(*b) == p && precedence(*a) > p;
    if (swap) std::swap(a, b);
    bool chain = std::strchr("&|^", n.text[0]) && b->kind == ClNode::Binary && b->text == n.text;
    std::string out = at_least(*a, p), right = at_least(*b, chain ? p : p + 1);
    if (n.text != "+" || right[0] != '-' || b->kind != ClNode::Literal) cl_append(out, n.text);
    cl_append(out, right);
    return out;
}

}  // namespace

std::string cl_text(const ClNode &n) {
    std::string out;
    switch (n.kind) {
        case ClNode::Literal:
            return n.text;
        case ClNode::Use:
            return "$" + std::to_string(n.variable->id) + "$";
        case ClNode::Unary:
            out = n.text;
            cl_append(out, at_least(n.args[0], kUnary));
            return out;
        case ClNode::Cast:
            return "(" + n.text + ")" + at_least(n.args[0], kUnary);
        case ClNode::Binary:
            return text_of_binary(n);
        case ClNode::Select:
            return at_least(n.args[0], kSelect + 1) + "?" + cl_text(n.args[1]) + ":" +
                   cl_text(n.args[2]);
        case ClNode::Load:
            return at_least(n.args[0], kPostfix) + "[" + cl_text(n.args[1]) + "]";
        case ClNode::Call:
            break;
    }
    for (const ClNode &a : n.args) out += (out.empty() ? "" : ",") + cl_text(a);
    return n.text + "(" + out + ")";
}

}  // namespace attune
