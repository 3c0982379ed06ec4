#include "cl_lexer.h"

#include <cctype>
#include <cstring>

namespace attune {

namespace {

bool word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool digit(char c) { return std::isdigit(static_cast<unsigned char>(c)); }

const char *const kLong[] = {"<<=", ">>=", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
                             "+=",  "-=",  "*=", "/=", "%=", "&=", "|=", "^=", "++", "--"};

class Lexer {
public:
    explicit Lexer(const std::string &source) : s(source) {}

    std::vector<ClToken> all() {
        std::vector<ClToken> out;
        while (skip(), at < s.size()) {
            size_t from = at;
            ClToken::Kind kind = advance();
            out.push_back({kind, s.substr(from, at - from)});
        }
        return out;
    }

private:
    const std::string &s;
    size_t at = 0;

    bool starts(const char *text) const { return !s.compare(at, std::strlen(text), text); }
    void to(size_t found) { at = std::min(found, s.size()); }

    void skip() {
        for (;;) {
            if (starts("//"))
                to(s.find('\n', at));
            else if (starts("/*"))
                to(s.find("*/", at + 2)), to(at + 2);
            else if (at < s.size() && std::isspace(static_cast<unsigned char>(s[at])))
                at++;
            else
                return;
        }
    }

    ClToken::Kind advance() {
        if (s[at] == '#') return to(s.find('\n', at)), ClToken::Directive;
        if (digit(s[at]) || (s[at] == '.' && at + 1 < s.size() && digit(s[at + 1])))
            return number(), ClToken::Number;
        if (word(s[at])) {
            while (at < s.size() && word(s[at])) at++;
            return ClToken::Name;
        }
        for (const char *symbol : kLong)
            if (starts(symbol)) return at += std::strlen(symbol), ClToken::Symbol;
        return at++, ClToken::Symbol;
    }

    // As C has it, with the sign of an exponent.
    void number() {
        bool hex = starts("0x") || starts("0X");
        for (; at < s.size(); at++) {
            char c = s[at], last = s[at - 1];
            bool exponent = hex ? last == 'p' || last == 'P' : last == 'e' || last == 'E';
            if (!word(c) && c != '.' && !(exponent && (c == '+' || c == '-'))) return;
        }
    }
};

}  // namespace

std::vector<ClToken> cl_tokens(const std::string &source) { return Lexer(source).all(); }

void cl_append(std::string &text, const std::string &next) {
    if (!text.empty() && !next.empty()) {
        char a = text.back(), b = next.front();
        // '$' begins and ends a name that is still to be chosen.
        bool names = (word(a) || a == '$') && (word(b) || b == '$');
        if (names || (a == b && std::strchr("+-&|<>=/", a)) || (a == '/' && b == '*')) text += ' ';
    }
    text += next;
}

std::string cl_text(const ClToken *begin, const ClToken *end) {
    std::string out;
    for (const ClToken *t = begin; t != end; t++) {
        bool line = t->kind == ClToken::Directive;
        if (line && !out.empty() && out.back() != '\n') out += '\n';
        cl_append(out, line ? t->text + '\n' : t->text);
    }
    return out;
}

}  // namespace attune
