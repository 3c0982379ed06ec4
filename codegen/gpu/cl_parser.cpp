#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "cl_expression.h"

namespace attune {

namespace {

bool among(const std::string &text, std::initializer_list<const char *> list) {
    return std::any_of(list.begin(), list.end(), [&](const char *x) { return text == x; });
}
bool arithmetic(const std::string &type) { return among(type, {"int", "uint", "float", "double"}); }

std::string type_of_number(const std::string &text) {
    bool digits = text.find_first_not_of("0123456789") == std::string::npos;
    if (digits) return std::strtoull(text.c_str(), nullptr, 10) <= INT32_MAX ? "int" : "";
    bool real = text.find_first_of(".e") != std::string::npos && text.compare(0, 2, "0x") != 0;
    return real && text.back() == 'f' ? "float" : "";
}

std::string type_of_call(const std::string &name, const std::vector<ClNode> &args) {
    if (among(name, {"float_from_bits", "as_float", "nan_f32", "inf_f32", "neg_inf_f32"}))
        return "float";
    if (name == "as_int") return "int";
    if (!is_pure_cl_function(name) || args.empty()) return "";
    if (among(name, {"abs", "as_uint", "isfinite", "isinf", "isnan"})) return "";
    for (const ClNode &a : args)
        if (a.type != args[0].type) return "";
    return arithmetic(args[0].type) ? args[0].type : "";
}

std::string type_of_binary(const std::string &op, const ClNode &a, const ClNode &b) {
    if (cl_precedence(op) == 7 || cl_precedence(op) == 8 || op == "&&" || op == "||") return "bool";
    if ((op == "&" || op == "|") && a.type == "bool" && b.type == "bool") return "bool";
    bool same = op == "<<" || op == ">>" || a.type == b.type;
    return same && arithmetic(a.type) ? a.type : "";
}

class Parser {
public:
    Parser(const ClToken *begin, const ClToken *end, const ClLookup &lookup)
        : at(begin), end(end), lookup(lookup) {}

    ClNode all() {
        ClNode out = select();
        if (at != end) throw ClUnknown(at->text);
        return out;
    }

private:
    const ClToken *at, *const end;
    const ClLookup &lookup;

    bool is(const char *text) const { return at != end && at->text == text; }
    bool accept(const char *text) { return is(text) && (at++, true); }
    void expect(const char *text) {
        if (!accept(text)) throw ClUnknown(std::string("no ") + text);
    }
    const ClToken &next() {
        if (at == end) throw ClUnknown("end");
        return *at++;
    }

    static ClNode node(ClNode::Kind kind, const std::string &text, const std::string &type,
                       std::vector<ClNode> args) {
        ClNode out;
        out.kind = kind;
        out.text = text;
        out.type = type;
        out.args = std::move(args);
        return simplified_cl(std::move(out));
    }

    ClNode select() {
        ClNode condition = binary(2);
        if (!accept("?")) return condition;
        ClNode a = select();
        expect(":");
        ClNode b = select();
        std::string type = a.type == b.type ? a.type : "";
        return node(ClNode::Select, "?", type, {condition, a, b});
    }

    ClNode binary(int least) {
        ClNode a = unary();
        for (;;) {
            int precedence = at == end ? 0 : cl_precedence(at->text);
            if (!precedence || precedence < least) return a;
            const std::string op = at++->text;
            ClNode b = binary(precedence + 1);
            std::string type = type_of_binary(op, a, b);
            a = node(ClNode::Binary, op, type, {a, b});
        }
    }

    ClNode unary() {
        if (is("-") && at + 1 != end && at[1].kind == ClToken::Number) {
            at++;
            ClNode number = unary();
            if (number.kind != ClNode::Literal) throw ClUnknown(number.text);
            return cl_literal("-" + number.text, number.type);
        }
        if (is("-") || is("~") || is("!")) {
            std::string op = next().text;
            ClNode a = unary();
            std::string type = op == "!" ? "bool" : arithmetic(a.type) ? a.type : "";
            return node(ClNode::Unary, op, type, {a});
        }
        if (is("(") && at + 1 != end && is_cl_type(at[1])) return cast();
        return postfix();
    }

    ClNode cast() {
        expect("(");
        const ClToken *from = at;
        while (at != end && (is_cl_type(*at) || is("*"))) at++;
        std::string type = cl_text(from, at);
        expect(")");
        return node(ClNode::Cast, type, type, {unary()});
    }

    ClNode postfix() {
        ClNode out = primary();
        while (accept("[")) {
            ClNode index = select();
            expect("]");
            out = node(ClNode::Load, "[", element(out), {out, index});
        }
        if (is("(") || is(".")) throw ClUnknown(at->text);
        return out;
    }

    static std::string element(const ClNode &base) {
        if (base.kind == ClNode::Use) return base.variable->element;
        if (base.kind != ClNode::Cast || base.text.back() != '*') return "";
        return base.text.substr(base.text.find_last_of(' ') + 1,
                                base.text.size() - base.text.find_last_of(' ') - 2);
    }

    ClNode primary() {
        if (accept("(")) {
            ClNode out = select();
            expect(")");
            return out;
        }
        const ClToken &t = next();
        if (t.kind == ClToken::Number) return cl_literal(t.text, type_of_number(t.text));
        if (t.kind != ClToken::Name) throw ClUnknown(t.text);
        if (accept("(")) return call(t.text);
        const ClNode *known = lookup(t.text);
        return known ? *known : cl_literal(t.text, "");
    }

    ClNode call(const std::string &name) {
        std::vector<ClNode> args;
        while (!is(")")) {
            args.push_back(select());
            if (!is(")")) expect(",");
        }
        expect(")");
        std::string type = type_of_call(name, args);
        return node(ClNode::Call, name, type, std::move(args));
    }
};

}  // namespace

ClNode cl_literal(const std::string &text, const std::string &type) {
    ClNode out;
    out.text = text;
    out.type = type;
    return out;
}

ClNode cl_expression(const ClToken *begin, const ClToken *end, const ClLookup &lookup) {
    return Parser(begin, end, lookup).all();
}

}  // namespace attune
