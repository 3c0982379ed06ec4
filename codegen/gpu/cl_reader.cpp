#include <map>

#include "cl_statement.h"

namespace attune {

namespace {

struct Scope {
    std::map<std::string, ClNode> names;
    std::map<std::string, ClVariable *> values;  // by type and text
    bool loop = false;
};

// Statements with names resolved; of equal values only the first.
class Reader {
public:
    Reader(const ClToken *begin, const ClToken *end) : at(begin), end(end) {}

    ClKernel read() {
        scopes.emplace_back();
        read_parameters();
        expect("{");
        while (!scopes.empty() && at != end) read_statement();
        if (at != end || !scopes.empty()) throw ClUnknown("brackets");
        return std::move(kernel);
    }

private:
    const ClToken *at, *const end;
    ClKernel kernel;
    std::vector<Scope> scopes;
    int depth = 0;
    const ClLookup lookup = [this](const std::string &name) -> const ClNode * {
        for (auto s = scopes.rbegin(); s != scopes.rend(); ++s)
            if (auto found = s->names.find(name); found != s->names.end()) return &found->second;
        return nullptr;
    };

    bool is(const char *text, int ahead = 0) const {
        return end - at > ahead && at[ahead].text == text;
    }
    bool accept(const char *text) { return is(text) && (at++, true); }
    void expect(const char *text) {
        if (!accept(text)) throw ClUnknown(std::string("no ") + text);
    }

    // The end of what begins here, before one of the symbols outside all brackets.
    const ClToken *until(const std::string &symbols) const {
        int open = 0;
        for (const ClToken *t = at; t != end; t++) {
            if (!open && t->text.size() == 1 && symbols.find(t->text) != std::string::npos)
                return t;
            open += t->text == "(" || t->text == "[";
            open -= t->text == ")" || t->text == "]";
        }
        throw ClUnknown("no " + symbols);
    }
    ClNode expression_until(const std::string &symbols) {
        const ClToken *from = at;
        at = until(symbols);
        return cl_expression(from, at++, lookup);
    }

    ClVariable *declare(const std::string &name, const std::string &type) {
        ClVariable &v = kernel.variables.emplace_back();
        v.id = int(kernel.variables.size());
        v.type = type;
        v.depth = depth;
        ClNode &use = scopes.back().names[name];
        use.kind = ClNode::Use;
        use.type = type;
        use.variable = &v;
        return &v;
    }

    void read_parameters() {
        expect("(");
        while (!accept(")")) {
            const ClToken *from = at, *comma = until(",)");
            std::string text = cl_text(from, comma - 1), type;
            bool pointer = text.find('*') != std::string::npos;
            for (const ClToken *t = from; t != comma - 1; t++)
                if (is_cl_type(*t) && t->text[0] != '_' && t->text != "const") type = t->text;
            if (!pointer) text = type;
            if (text.empty()) throw ClUnknown(from->text);
            ClVariable *v = declare(comma[-1].text, pointer ? "" : type);
            v->element = pointer ? type : "";
            cl_append(text, "$" + std::to_string(v->id) + "$");
            kernel.parameters += (kernel.parameters.empty() ? "" : ",") + text;
            at = comma;
            accept(",");
        }
    }

    ClStatement &add(ClStatement::Kind kind) {
        ClStatement &s = kernel.statements.emplace_back();
        s.kind = kind;
        s.depth = depth;
        return s;
    }
    void open(ClStatement::Kind kind, bool loop = false) {
        expect("{");
        if (kind == ClStatement::Open || kind == ClStatement::Else) add(kind);
        scopes.emplace_back().loop = loop;
        depth += loop;
    }
    void close() {
        add(ClStatement::Close);
        depth -= scopes.back().loop;
        scopes.pop_back();
    }

    void read_statement() {
        if (accept("}")) return close();
        if (is("{")) return open(ClStatement::Open);
        if (accept("for")) return read_for();
        if (accept("if")) {
            expect("(");
            ClNode condition = expression_until(")");
            add(ClStatement::If).value = std::move(condition);
            return open(ClStatement::If);
        }
        if (accept("else")) return open(ClStatement::Else);
        if (is("halide_maybe_unused"))
            at = until(";") + 1;
        else if (is_cl_type(*at))
            read_declaration();
        else
            read_effect();
    }

    void read_for() {
        expect("(");
        expect("int");
        const std::string name = at++->text;
        expect("=");
        ClNode first = expression_until(";");
        if (!is(name.c_str()) || !is("<", 1)) throw ClUnknown("for");
        at += 2;
        ClNode last = expression_until(";");
        if (!is(name.c_str()) || !is("++", 1) || !is(")", 2)) throw ClUnknown("for");
        at += 3;
        ClStatement &s = add(ClStatement::For);
        s.target = std::move(first);
        s.value = std::move(last);
        open(ClStatement::For, true);
        kernel.statements.back().variable = declare(name, "int");
    }

    void read_declaration() {
        const ClToken *from = at;
        while (at != end && is_cl_type(*at)) at++;
        const std::string type = cl_text(from, at), name = at->text;
        if (at == end || at++->kind != ClToken::Name) throw ClUnknown(type);
        if (accept("[")) return read_array(type, name);
        expect("=");
        ClNode value = expression_until(";");
        const std::string key = type + " " + cl_text(value);
        const bool same = is_pure(value) && !has_load(value);
        if (same && known(name, key, type, value)) return;
        ClVariable *v = declare(name, type);
        v->local = true;
        v->value = value;
        if (same) scopes.back().values[key] = v;
        add(ClStatement::Declare).variable = v;
    }

    // Another name of something.
    bool known(const std::string &name, const std::string &key, const std::string &type,
               const ClNode &value) {
        bool brief = value.kind == ClNode::Literal && value.text.size() < 5;
        bool plain = value.kind == ClNode::Use || brief;
        if (plain && value.type == type) return scopes.back().names[name] = value, true;
        for (const Scope &s : scopes) {
            auto found = s.values.find(key);
            if (found == s.values.end()) continue;
            ClNode &use = scopes.back().names[name];
            use.kind = ClNode::Use;
            use.type = type;
            use.variable = found->second;
            return true;
        }
        return false;
    }

    void read_array(const std::string &type, const std::string &name) {
        const ClToken *from = at;
        at = until("]");
        ClStatement &s = add(ClStatement::Array);
        s.variable = declare(name, "");
        s.variable->element = type.substr(type.find_last_of(' ') + 1);
        s.text = type;
        cl_append(s.text, "$" + std::to_string(s.variable->id) + "$");
        s.text += "[" + cl_text(from, at) + "]";
        at++;
        expect(";");
    }

    void read_effect() {
        const ClToken *from = at, *stop = until("=;");
        ClNode target = cl_expression(from, stop, lookup);
        at = stop;
        if (accept(";")) {
            if (target.kind != ClNode::Call) throw ClUnknown(from->text);
            add(ClStatement::Call).value = std::move(target);
            return;
        }
        if (target.kind != ClNode::Load) throw ClUnknown("assignment to " + from->text);
        at++;
        ClNode value = expression_until(";");
        ClStatement &s = add(ClStatement::Store);
        s.target = std::move(target);
        s.value = std::move(value);
    }
};

}  // namespace

ClKernel read_cl_kernel(const ClToken *begin, const ClToken *end) {
    return Reader(begin, end).read();
}

}  // namespace attune
