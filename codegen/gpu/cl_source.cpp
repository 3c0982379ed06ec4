#include "cl_source.h"

#include <algorithm>
#include <map>
#include <regex>
#include <vector>

#include "cl_expression.h"
#include "cl_kernel.h"
#include "cl_lexer.h"

namespace attune {

namespace {

const std::string kSpace = "__address_space_";

// Halide has a macro for the address space of every buffer.
std::vector<ClToken> without_space_macros(const std::vector<ClToken> &tokens) {
    static const std::regex definition("#(define|undef) (" + kSpace + "\\w+) ?(\\w*)");
    std::map<std::string, std::string> spaces;
    std::vector<ClToken> out;
    for (const ClToken &t : tokens) {
        std::smatch parts;
        if (t.kind == ClToken::Directive && std::regex_match(t.text, parts, definition)) {
            spaces[parts[2]] = parts[3];
            continue;
        }
        auto space = t.kind == ClToken::Name ? spaces.find(t.text) : spaces.end();
        out.push_back(space == spaces.end() ? t : ClToken{ClToken::Name, space->second});
    }
    return out;
}

// One past the bracket that closes the first one.
const ClToken *end_of_block(const ClToken *at, const ClToken *end) {
    for (int open = 0; at != end; at++) {
        open += at->text == "{";
        if (at->text == "}" && !--open) return at + 1;
    }
    return end;
}

std::string body(const ClToken *begin, const ClToken *end, const std::vector<ClToken> &all) {
    try {
        return short_cl_kernel(begin, end, all);
    } catch (const ClUnknown &) {
        return cl_text(begin, end);
    }
}

// Halide casts shared memory at every access: a macro for each of these casts.
std::string with_short_shared(std::string source) {
    static const std::regex cast(R"(\(\(__local \w+\*\)\w+\))");
    std::map<std::string, int> count;
    for (std::sregex_iterator i(source.begin(), source.end(), cast), end; i != end; ++i)
        count[i->str()]++;
    std::string macros;
    char name = 'S';
    for (const auto &[text, uses] : count) {
        if (uses < 3 || name > 'Z') continue;
        std::string out;
        size_t at = 0, found;
        for (; (found = source.find(text, at)) != std::string::npos; at = found + text.size())
            out += source.substr(at, found - at) + name;
        source = out + source.substr(at);
        macros += std::string("#define ") + name++ + " " + text + "\n";
    }
    return macros + source;
}

}  // namespace

std::string short_opencl(const std::string &source) {
    const std::vector<ClToken> tokens = without_space_macros(cl_tokens(source));
    const ClToken *at = tokens.data(), *const end = at + tokens.size();
    std::string out;
    while (at != end) {
        auto is = [](const char *text) { return [=](const ClToken &t) { return t.text == text; }; };
        const ClToken *kernel = std::find_if(at, end, is("__kernel"));
        const ClToken *parameters = std::find_if(kernel, end, is("("));
        out += cl_text(at, parameters);
        at = end_of_block(parameters, end);
        if (parameters != end) out += body(parameters, at, tokens) + "\n";
    }
    // By the first line OpenCL runtimes of Halide know a source.
    return source.substr(0, source.find('\n') + 1) + with_short_shared(out);
}

}  // namespace attune
