#include "emit.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

namespace attune {

namespace {

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), ::toupper);
    return text;
}

std::string quoted(const std::string &text) { return nlohmann::json(text).dump(); }

std::string number(double x) {
    if (std::isnan(x)) return "NAN";
    if (std::isinf(x)) return x < 0 ? "-INFINITY" : "INFINITY";
    std::ostringstream out;
    out.precision(17);
    out << x;
    return out.str();
}

constexpr int kMaxDepth = 16;  // ATTUNE_MAX_DEPTH

std::string args_struct(const Variant &v) { return "attune_" + v.name + "_args"; }

bool is_float(const Attribute &a) { return a.kind == Attribute::Float; }

// ---- The C header ------------------------------------------------------------------------------

std::string shape_text(const Tensor &t) {
    std::string out;
    for (size_t i = 0; i < t.extents.size(); i++)
        out += (i ? ", " : "") + t.extents[i] + (t.broadcast[i] ? " or 1" : "");
    out = "[" + out + "]";
    if (t.leading) out += ", or without the first";
    return t.leading > 1 ? out + " " + std::to_string(t.leading) : out;
}

std::string tensor_text(const Tensor &t) {
    static const char *const types[] = {"", "f32 ", "i32 ", "u8 "};
    std::string out = types[int(t.type)] + shape_text(t) + ": " + t.doc;
    if (t.is_optional && !t.output)
        out += t.absent_value.given() ? "; NULL: as if " + t.absent_value.text + " everywhere"
                                      : "; may be NULL";
    if (t.is_optional && t.output) out += "; NULL: not wanted";
    if (!t.needed_by.empty()) out += "; required exactly when " + t.needed_by;
    return out;
}

std::string attribute_text(const Attribute &a) {
    std::string out = a.doc;
    if (a.kind == Attribute::Enum)
        for (size_t i = 0; i < a.choices.size(); i++)
            out += (i ? ", " : "; ") + std::to_string(i) + " " + a.choices[i];
    else if (!std::isinf(a.low))
        out += "; >= " + number(a.low);
    return out + (a.fallback.given() ? "; default " + a.fallback.text : "; required");
}

// Not given: NaN and INT32_MIN, as attune_pack.h says.
std::string default_of(const Attribute &a) {
    if (a.fallback.is_number()) return a.fallback.text;
    return is_float(a) ? "NAN" : "INT32_MIN";
}

void header_of(std::ostream &out, const Variant &v, const std::string &pack) {
    const std::string guard = upper(args_struct(v)), type = args_struct(v);
    out << "/* ---- " << v.name << ": " << v.doc << "\n * " << v.source << " */\n";
    out << "#ifndef " << guard << "\n#define " << guard << "\ntypedef struct " << type << " {\n"
        << "    size_t struct_size;\n";
    for (const Tensor &t : v.tensors)
        out << "    " << (t.output ? "" : "const ") << "DLTensor *" << t.name << "; /* "
            << tensor_text(t) << " */\n";
    for (const Attribute &a : v.attributes)
        out << "    " << (is_float(a) ? "float " : "int32_t ") << a.name << "; /* "
            << attribute_text(a) << " */\n";
    out << "} " << type << ";\n\n";
    for (const Attribute &a : v.attributes) {
        if (a.kind != Attribute::Enum) continue;
        out << "enum {";
        for (size_t i = 0; i < a.choices.size(); i++)
            out << (i ? ", " : " ") << "ATTUNE_"
                << upper(v.name + "_" + a.name + "_" + a.choices[i]) << " = " << i;
        out << " };\n";
    }
    out << "\n/* All tensors absent, all attributes at their defaults. */\n"
        << "static inline void attune_" << v.name << "_defaults(" << type << " *args) {\n"
        << "    memset(args, 0, sizeof *args);\n"
        << "    args->struct_size = sizeof *args;\n";
    for (const Attribute &a : v.attributes)
        out << "    args->" << a.name << " = " << default_of(a) << ";\n";
    out << "}\n#endif\n\n"
        << "attune_status " << pack << "_" << v.name << "(attune_context *context, const " << type
        << " *args);\n\n";
}

// ---- The tables --------------------------------------------------------------------------------

class Tables {
public:
    Tables(const PackPlan &plan, std::ostream &out) : plan(plan), out(out) {}

    void write() {
        out << "#include \"" << plan.name << ".h\"\n#include <attune_pack.h>\n#include <math.h>\n"
            << "#include <stddef.h>\n\n";
        for (const Kernel &k : plan.kernels) out << "int " << plan.symbol(k) << "_argv(void **);\n";
        for (const Variant *v : plan.variants)
            out << "int " << plan.cost_symbol(*v) << "_argv(void **);\n";
        for (const Variant *v : plan.variants) parts_of(*v);
        out << "static const attune_variant variants[] = {\n";
        for (const Variant *v : plan.variants) variant(*v);
        out << "};\n\n";
        kernels();
        pack();
    }

private:
    const PackPlan &plan;
    std::ostream &out;

    int index(const std::vector<std::string> &list, const std::string &name) const {
        auto at = std::find(list.begin(), list.end(), name);
        return at == list.end() ? -1 : int(at - list.begin());
    }
    int attribute_index(const Variant &v, const std::string &name) const {
        for (size_t i = 0; i < v.attributes.size(); i++)
            if (v.attributes[i].name == name) return int(i);
        return -1;
    }

    int tensor_index(const Variant &v, const std::string &name) const {
        return int(&v.tensor(name) - v.tensors.data());
    }

    std::string term(const Variant &v, const Value::Term &t) const {
        std::string op = t.op;
        int place = 0;
        if (op == "NAME") {
            place = index(v.extents(), t.name);
            op = place >= 0 ? "EXTENT" : "ATTRIBUTE";
            if (place < 0) place = int(&v.attribute(t.name) - v.attributes.data());
        } else if (!t.name.empty()) {
            place = tensor_index(v, t.name);
        }
        return "{ATTUNE_OP_" + op + ", " + std::to_string(place) + ", " + number(t.number) + "}";
    }

    std::string formula(const Variant &v, const Value &x) const {
        if (!x.given()) return "{0, NULL, NULL}";
        if (x.depth() > kMaxDepth)
            throw std::invalid_argument(v.name + ": too many results wait in " + x.text);
        std::string list;
        for (const Value::Term &t : x.terms) list += (list.empty() ? "" : ", ") + term(v, t);
        return "{" + std::to_string(x.terms.size()) + ", (const attune_term[]){" + list + "}, " +
               quoted(x.text) + "}";
    }

    // Which rows of a table are read how far.
    std::string used(const Variant &v, const Tensor &t) const {
        if (t.used_tensor.empty()) return "0";
        const Tensor &by = v.tensor(t.used_tensor);
        if (by.type != Type::I32 || by.extents != std::vector<std::string>{t.extents[0]})
            throw std::invalid_argument(v.name + ": " + by.name + " is no i32 [" + t.extents[0] +
                                        "], as the rows of " + t.name + " need");
        return std::to_string(1 + tensor_index(v, by.name));
    }

    std::string needed(const Variant &v, const Tensor &t) const {
        if (t.needed_by.empty()) return "0, 0";
        size_t equal = t.needed_by.find('=');
        const Attribute &a = v.attribute(t.needed_by.substr(0, equal));
        std::string want = t.needed_by.substr(equal + 1);
        int choice = index(a.choices, want);
        return std::to_string(1 + attribute_index(v, a.name)) + ", " +
               (choice < 0 ? want : std::to_string(choice));
    }

    void tensor(const Variant &v, const Tensor &t) {
        static const char *const types[] = {"STORAGE", "F32", "I32", "U8"};
        static const char *const contents[] = {"ANY", "RANGE", "PERMUTATION", "OFFSETS"};
        std::string extents, broadcast;
        for (size_t i = 0; i < t.extents.size(); i++) {
            extents += (i ? ", " : "") + std::to_string(index(v.extents(), t.extents[i]));
            broadcast += (i ? ", " : "") + std::string(t.broadcast[i] ? "1" : "0");
        }
        out << "    {.name = " << quoted(t.name) << ", .doc = " << quoted(t.doc)
            << ", .output = " << t.output << ", .optional = " << t.is_optional
            << ", .dtype = ATTUNE_" << types[int(t.type)] << ", .rank = " << t.extents.size()
            << ",\n     .extents = {" << extents << "}, .broadcast = {" << broadcast
            << "}, .leading = " << t.leading;
        std::string need = needed(v, t);
        out << ", .needed_by = " << need.substr(0, need.find(','))
            << ", .needed_value = " << need.substr(need.find(',') + 2)
            << ",\n     .absent = " << formula(v, t.absent_value) << ",\n     .content = ATTUNE_"
            << contents[int(t.content)] << ", .low = " << formula(v, t.low)
            << ",\n     .high = " << formula(v, t.high) << ",\n     .most = " << formula(v, t.most)
            << ",\n     .used = " << used(v, t) << ", .used_by = " << formula(v, t.used_by)
            << ",\n     .offset = offsetof(" << args_struct(v) << ", " << t.name << ")},\n";
    }

    void attribute(const Variant &v, const Attribute &a) {
        static const char *const kinds[] = {"INT", "FLOAT", "FLAG", "ENUM"};
        std::string choices = "NULL";
        if (a.kind == Attribute::Enum) choices = v.name + "_" + a.name + "_choices";
        out << "    {" << quoted(a.name) << ", " << quoted(a.doc) << ", ATTUNE_"
            << kinds[int(a.kind)] << ", " << choices << ", " << formula(v, a.fallback) << ", "
            << number(a.low) << ", " << number(a.high) << ", offsetof(" << args_struct(v) << ", "
            << a.name << ")},\n";
    }

    void parts_of(const Variant &v) {
        out << "\n_Static_assert(" << v.extents().size() << " <= ATTUNE_MAX_EXTENTS && "
            << v.tensors.size() << " <= ATTUNE_MAX_TENSORS && " << v.attributes.size()
            << " <= ATTUNE_MAX_ATTRIBUTES, \"" << v.name
            << " has too many extents, tensors or attributes\");\n";
        out << "\nstatic const char *const " << v.name << "_extents[] = {";
        for (const std::string &symbol : v.extents()) out << quoted(symbol) << ", ";
        out << "NULL};\nstatic const attune_tensor " << v.name << "_tensors[] = {\n";
        for (const Tensor &t : v.tensors) tensor(v, t);
        out << "};\n";
        for (const Attribute &a : v.attributes) {
            if (a.kind != Attribute::Enum) continue;
            out << "static const char *const " << v.name << "_" << a.name << "_choices[] = {";
            for (const std::string &c : a.choices) out << quoted(c) << ", ";
            out << "NULL};\n";
        }
        out << "static const attune_attribute " << v.name << "_attributes[] = {\n";
        for (const Attribute &a : v.attributes) attribute(v, a);
        out << "    {.name = NULL}};\nstatic const attune_rule " << v.name << "_rules[] = {";
        for (const Rule &r : v.rules)
            out << "\n    {" << formula(v, r.holds) << ",\n     ATTUNE_BAD_"
                << (r.of_extents ? "EXTENT" : "VALUE") << ", " << quoted(r.text) << "},";
        out << "\n    {.text = NULL}};\nstatic const attune_formula " << v.name << "_derived[] = {";
        for (const std::string &symbol : v.extents()) {
            const Derived *d = v.derivation(symbol);
            out << "\n    " << formula(v, d ? d->formula : Value()) << ",";
        }
        out << "\n    {0, NULL, NULL}};\n";
        shapes(v);
    }

    static bool has(const Shape &s, const Tensor &t) {
        return !t.is_optional || std::find(s.given.begin(), s.given.end(), t.name) != s.given.end();
    }

    // -1: libattune derives it, or no tensor of the shape has it.
    int64_t shape_extent(const Variant &v, const Shape &s, const std::string &symbol) const {
        auto at = s.extents.find(symbol);
        if (v.derivation(symbol)) {
            if (at == s.extents.end()) return -1;
            throw std::invalid_argument("shape " + s.name + ": " + symbol + " is derived");
        }
        if (at != s.extents.end()) return at->second;
        for (const Tensor &t : v.tensors)
            if (has(s, t) && index(t.extents, symbol) >= 0)
                throw std::invalid_argument("shape " + s.name + " lacks " + symbol);
        return -1;
    }

    uint32_t present(const Variant &v, const Shape &s) const {
        uint32_t bits = 0;
        for (const std::string &name : s.given) bits |= 1u << tensor_index(v, name);
        return bits;
    }

    void shapes(const Variant &v) {
        for (size_t i = 0; i < v.shapes.size(); i++) {
            out << "static const int64_t " << v.name << "_shape" << i << "_extents[] = {";
            for (const std::string &symbol : v.extents())
                out << shape_extent(v, v.shapes[i], symbol) << ", ";
            out << "};\nstatic const double " << v.name << "_shape" << i << "_attributes[] = {";
            for (const Attribute &a : v.attributes) {
                auto at = v.shapes[i].attributes.find(a.name);
                out << (at == v.shapes[i].attributes.end() ? "NAN" : number(at->second)) << ", ";
            }
            out << "0};\n";
        }
        out << "static const attune_shape " << v.name << "_shapes[] = {\n";
        for (size_t i = 0; i < v.shapes.size(); i++)
            out << "    {" << quoted(v.shapes[i].name) << ", " << quoted(v.shapes[i].order)
                << ", ATTUNE_" << upper(v.shapes[i].dtype) << ", " << v.name << "_shape" << i
                << "_extents, " << v.name << "_shape" << i << "_attributes, "
                << present(v, v.shapes[i]) << "},\n";
        out << "    {.name = NULL}};\n";
    }

    void variant(const Variant &v) {
        out << "    {" << quoted(v.name) << ", " << quoted(v.doc) << ", " << quoted(v.source)
            << ", sizeof(" << args_struct(v) << "), " << v.extents().size() << ", "
            << v.tensors.size() << ", " << v.attributes.size() << ", " << v.rules.size() << ", "
            << v.shapes.size() << ",\n     ";
        for (const char *part : {"extents", "derived", "tensors", "attributes", "rules", "shapes"})
            out << v.name << "_" << part << ", ";
        out << plan.cost_symbol(v) << "_argv},\n";
    }

    int variant_index(const Variant *v) const {
        return int(std::find(plan.variants.begin(), plan.variants.end(), v) -
                   plan.variants.begin());
    }

    void kernels() {
        static const char *const kinds[] = {"ABSENT", "EXTENT", "ATTRIBUTE", "GIVEN"};
        std::string list;
        for (const Kernel &k : plan.kernels) {
            std::vector<Condition> when = conditions(k);
            out << "static const attune_condition " << k.name() << "_when[] = {";
            for (const Condition &c : when)
                out << "{ATTUNE_WHEN_" << kinds[c.kind] << ", " << c.index << ", " << number(c.low)
                    << ", " << number(c.high) << "}, ";
            out << "{0, 0, 0, 0}};\n";
            bool gpu = k.target.gpu();
            list += "    {" + quoted(k.name()) + ", " + quoted(k.target.name) + ", " +
                    quoted(k.params.text()) + ", " + std::to_string(variant_index(k.variant)) +
                    ", ATTUNE_" + upper(k.dtype) + ", ATTUNE_" +
                    (gpu ? upper(k.target.name) : "CPU") + ", " + std::to_string(when.size()) +
                    ", " + k.name() + "_when, " + plan.symbol(k) + "_argv},\n";
        }
        out << "static const attune_kernel kernels[] = {\n" << list << "};\n\n";
    }

    void pack() {
        out << "static const attune_pack pack = {ATTUNE_ABI_VERSION, " << quoted(plan.name)
            << ", \"" ATTUNE_VERSION "\", " << plan.variants.size() << ", " << plan.kernels.size()
            << ", variants, kernels};\n\n"
            << "const attune_pack *" << plan.name << "_pack(void) { return &pack; }\n\n"
            << "__attribute__((constructor)) static void register_pack(void) {\n"
            << "    attune_register_pack(&pack);\n}\n";
        for (size_t i = 0; i < plan.variants.size(); i++)
            out << "\nattune_status " << plan.name << "_" << plan.variants[i]->name
                << "(attune_context *context, const " << args_struct(*plan.variants[i])
                << " *args) {\n    return attune_call(context, &pack, " << i << ", args);\n}\n";
    }
};

}  // namespace

std::string emit_header(const PackPlan &plan) {
    std::ostringstream out;
    const std::string guard = upper(plan.name) + "_H";
    out << "/* Kernel pack " << plan.name << ", generated by Attune " ATTUNE_VERSION
        << ". Tensors are DLPack's; attune.h says what\n * contexts and statuses are. */\n#ifndef "
        << guard << "\n#define " << guard
        << "\n\n#include <attune.h>\n#include <math.h>\n#include <string.h>\n\n"
        << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    for (const Variant *v : plan.variants) header_of(out, *v, plan.name);
    out << "/* The tables of this pack (attune_pack.h). */\nconst attune_pack *" << plan.name
        << "_pack(void);\n\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
    return out.str();
}

std::string emit_tables(const PackPlan &plan) {
    std::ostringstream out;
    Tables(plan, out).write();
    return out.str();
}

}  // namespace attune
