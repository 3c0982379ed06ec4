#include "cl_statement.h"

namespace attune {

namespace {

class Writer {
public:
    std::string text;

    void write(const std::vector<ClStatement> &statements) {
        for (const ClStatement &s : statements) {
            if (s.kind == ClStatement::Declare)
                write_declaration(*s.variable);
            else
                write_other(s);
        }
    }

private:
    std::string type;  // of the list of declarations that may go on
    size_t line = 0;   // where it began

    void write_declaration(const ClVariable &v) {
        if (v.dropped) return;
        // A bool of OpenCL is an int; only the conversion to one is not.
        std::string its = v.type == "bool" && v.value.type == "bool" ? "int" : v.type;
        std::string item = "$" + std::to_string(v.id) + "$=" + cl_text(v.value);
        bool goes_on = its == type && its.back() != '*';
        if (goes_on) text.back() = ',';
        put(goes_on ? item + ";" : its + " " + item + ";");
        type = its;
    }

    void put(const std::string &next) {
        if (text.size() - line > 90) text += '\n', line = text.size();
        text += next;
        type.clear();
    }

    void write_other(const ClStatement &s) {
        switch (s.kind) {
            case ClStatement::Store:
                return write_store(s);
            case ClStatement::Call:
                return put(cl_text(s.value) + ";");
            case ClStatement::Array:
                return put(s.text + ";");
            case ClStatement::If:
                return put("if(" + cl_text(s.value) + "){");
            case ClStatement::Else:
                return put("else{");
            case ClStatement::Open:
                return put("{");
            case ClStatement::Close:
                return put("}");
            default:
                break;
        }
        std::string name = "$" + std::to_string(s.variable->id) + "$";
        put("for(int " + name + "=" + cl_text(s.target) + ";" + name + "<" + cl_text(s.value) +
            ";" + name + "++){");
    }

    // x[i] = x[i] + y as x[i] += y.
    void write_store(const ClStatement &s) {
        const std::string to = cl_text(s.target);
        const ClNode &v = s.value;
        if (v.kind == ClNode::Binary && (v.text == "+" || v.text == "-" || v.text == "*")) {
            bool first = cl_text(v.args[0]) == to;
            if (first || (v.text != "-" && cl_text(v.args[1]) == to))
                return put(to + v.text + "=" + cl_text(v.args[first]) + ";");
        }
        put(to + "=" + cl_text(v) + ";");
    }
};

}  // namespace

std::string cl_text(const std::vector<ClStatement> &statements) {
    Writer writer;
    writer.write(statements);
    return writer.text;
}

}  // namespace attune
