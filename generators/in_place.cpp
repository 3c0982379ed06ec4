#include "in_place.h"

#include <algorithm>

namespace attune {

using namespace Halide::Internal;

namespace {

// The smallest stride, in elements, of the dimensions of a tensor whose index depends on a name:
// keys in pages are neighbours in their page.
class Stride : public IRVisitor {
public:
    explicit Stride(std::string name) : name(std::move(name)) {}
    Expr elements;  // undefined: none

private:
    using IRVisitor::visit;
    const std::string name;

    // A load of an ImageParam is a call of a Func that loads.
    static const Call *load(const Call *op) {
        if (op->call_type != Call::Halide || !op->func.defined()) return nullptr;
        const std::vector<Expr> &values = Function(op->func).values();
        const Call *image = values.size() == 1 ? values[0].as<Call>() : nullptr;
        return image && image->call_type == Call::Image ? image : nullptr;
    }

    void visit(const Call *op) override {
        const Call *image = load(op);
        if (!image) return IRVisitor::visit(op);
        for (size_t i = 1; i < op->args.size(); i++) {
            if (!expr_uses_var(op->args[i], name)) continue;
            const std::string stride = image->name + ".stride." + std::to_string(i);
            Expr here = abs(Variable::make(Halide::Int(32), stride, image->param));
            elements = elements.defined() ? min(elements, here) : here;
        }
    }
};

// Whether rows lie so far apart that those of a chunk share a few sets of the caches, and several
// of them are read: a product goes through V column by column, so it reads each line again for
// every few columns.
//
// Emerald Rapids (48 kB L1d, 2 MB L2), D 64, blocks of 96 queries, 2048 keys, shares of the peak by
// the distance of rows, in place and copied: 512 bytes 0.76 and 0.73, 1 kB 0.71 and 0.68, 1.5 kB
// 0.68 and 0.70, 2 kB 0.65 and 0.70, 4 kB 0.53 and 0.69, in one piece 0.82 and 0.74. 4 kB apart, as
// many queries as keys: 64 keys 0.42 and 0.40, 128 keys 0.48 and 0.50, 256 keys 0.41 and 0.55.
Expr worth_a_copy(const Source &s, const Blocking &t) {
    constexpr int kFarBytes = 1536, kFewKeys = 96;
    const Var key("attune_key");
    const Key place{key, std::vector<Expr>(s.locate.size(), Expr(key))};
    Expr elements = 0;
    for (const auto &load : {s.key, s.value}) {
        Stride stride(key.name());
        load(0, place).accept(&stride);
        if (stride.elements.defined()) elements = max(elements, stride.elements);
    }
    return elements >= kFarBytes / t.element_bytes && s.max_keys > kFewKeys;
}

}  // namespace

std::vector<Source> in_place_or_copied(const Source &s, const Blocking &t, Expr rows) {
    const bool apart = s.apart.defined() && t.together, strided = s.strided && t.together;
    Source here = s, copied = s;
    here.apart = Expr();
    if (!apart && !strided) return {here};
    // Copies of a line are worth it from three blocks on (Zen 4, combiner_axial_rowmajor: lines of
    // 16 keys 5 % slower, of 128 15 % faster).
    Expr copy = apart ? rows > 2 * t.query_tile : worth_a_copy(s, t);
    here.name += "_in_place";
    here.last = select(copy, s.first, s.last);
    copied.last = select(copy, s.last, s.first);
    if (apart)
        copied.apart = select(copy, s.apart, 0);
    else
        copied.computed = true;
    return {here, copied};
}

}  // namespace attune
