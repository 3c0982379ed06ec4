#include "variant.h"

#include "../codegen/halide_generator.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace attune {

namespace {

std::vector<std::string> words(const std::string &text) {
    std::istringstream in(text);
    std::vector<std::string> out;
    for (std::string word; in >> word;) out.push_back(word);
    return out;
}

Halide::Type halide_type(Type type, Halide::Type storage) {
    switch (type) {
        case Type::F32:
            return Halide::Float(32);
        case Type::I32:
            return Halide::Int(32);
        case Type::U8:
            return Halide::UInt(8);
        case Type::Storage:
            break;
    }
    return storage;
}

}  // namespace

Tensor &Tensor::optional(Value value) {
    is_optional = true;
    absent_value = value;
    return *this;
}

Tensor &Tensor::unread() {
    is_optional = true;
    absent_value = {};
    return *this;
}

Tensor &Tensor::range(Value from, Value to) {
    content = Content::Range;
    low = from;
    high = to;
    return *this;
}

Tensor &Tensor::permutation() {
    content = Content::Permutation;
    return *this;
}

Tensor &Tensor::offsets(Value from, Value to, Value step) {
    content = Content::Offsets;
    low = from;
    high = to;
    most = step;
    return *this;
}

Tensor &Tensor::used(const std::string &tensor, Value by) {
    used_tensor = tensor;
    used_by = by;
    return *this;
}

Tensor &Tensor::needed(const std::string &attribute_is) {
    needed_by = attribute_is;
    return *this;
}

Variant::Variant(std::string name, std::string doc, std::string source)
    : name(std::move(name)), doc(std::move(doc)), source(std::move(source)) {}

Tensor &Variant::add(const std::string &tensor, const std::string &shape, const std::string &text,
                     Type type) {
    Tensor t;
    t.name = tensor;
    t.doc = text;
    t.type = type;
    for (std::string symbol : words(shape)) {
        if (symbol.front() == '[') {
            t.leading++;
            symbol = symbol.substr(1, symbol.size() - 2);
        }
        bool may_be_one = symbol.back() == '?';
        if (may_be_one) symbol.pop_back();
        t.extents.push_back(symbol);
        t.broadcast.push_back(may_be_one);
    }
    tensors.push_back(t);
    return tensors.back();
}

Tensor &Variant::input(const std::string &tensor, const std::string &shape, const std::string &text,
                       Type type) {
    return add(tensor, shape, text, type);
}

Tensor &Variant::output(const std::string &tensor, const std::string &shape,
                        const std::string &text, Type type) {
    Tensor &t = add(tensor, shape, text, type);
    t.output = true;
    return t;
}

void Variant::integer(const std::string &id, Value fallback, double low, double high,
                      const std::string &text) {
    attributes.push_back({id, text, Attribute::Int, {}, fallback, low, high});
}

void Variant::number(const std::string &id, Value fallback, double low, double high,
                     const std::string &text) {
    attributes.push_back({id, text, Attribute::Float, {}, fallback, low, high});
}

void Variant::flag(const std::string &id, Value fallback, const std::string &text) {
    attributes.push_back({id, text, Attribute::Flag, {}, fallback, 0, 1});
}

void Variant::choice(const std::string &id, std::vector<std::string> choices, Value fallback,
                     const std::string &text) {
    double last = double(choices.size()) - 1;
    attributes.push_back({id, text, Attribute::Enum, std::move(choices), fallback, 0, last});
}

void Variant::extent(const std::string &symbol, Value formula) {
    derived.push_back({symbol, std::move(formula)});
}

void Variant::require(Value holds, const std::string &text) {
    rules.push_back({std::move(holds), text, false});
}

void Variant::divides(Value divisor, Value dividend) {
    const std::string text = dividend.text + " must be a multiple of " + divisor.text;
    rules.push_back({dividend % divisor == 0, text, true});
}

void Variant::shape(const std::string &id, const std::string &sizes, const std::string &order,
                    const std::string &dtype) {
    Shape s;
    s.name = id;
    s.order = order;
    s.dtype = dtype;
    for (const std::string &word : words(sizes)) {
        size_t equal = word.find('=');
        std::string key = word.substr(0, equal);
        if (equal == std::string::npos) {
            s.given.push_back(tensor(key).name);
            continue;
        }
        double number = std::stod(word.substr(equal + 1));
        if (has_extent(key))
            s.extents[key] = int64_t(number);
        else
            s.attributes[attribute(key).name] = number;
    }
    shapes.push_back(s);
}

std::vector<std::string> Variant::extents() const {
    std::vector<std::string> out;
    for (const Tensor &t : tensors)
        for (const std::string &symbol : t.extents)
            if (std::find(out.begin(), out.end(), symbol) == out.end()) out.push_back(symbol);
    for (const Derived &d : derived)
        if (std::find(out.begin(), out.end(), d.symbol) == out.end()) out.push_back(d.symbol);
    return out;
}

const Derived *Variant::derivation(const std::string &symbol) const {
    for (const Derived &d : derived)
        if (d.symbol == symbol) return &d;
    return nullptr;
}

bool Variant::has_extent(const std::string &symbol) const {
    std::vector<std::string> all = extents();
    return std::find(all.begin(), all.end(), symbol) != all.end();
}

bool Variant::has_tensor(const std::string &id) const {
    return std::any_of(tensors.begin(), tensors.end(), [&](auto &t) { return t.name == id; });
}

bool Variant::has_attribute(const std::string &id) const {
    return std::any_of(attributes.begin(), attributes.end(), [&](auto &a) { return a.name == id; });
}

const Tensor &Variant::tensor(const std::string &id) const {
    for (const Tensor &t : tensors)
        if (t.name == id) return t;
    throw std::invalid_argument(name + " has no tensor '" + id + "'");
}

const Attribute &Variant::attribute(const std::string &id) const {
    for (const Attribute &a : attributes)
        if (a.name == id) return a;
    throw std::invalid_argument(name + " has no attribute or extent '" + id + "'");
}

Build::Build(const Variant &variant, const Special &special, int head_dim, int query_tile,
             Storage storage)
    : variant(variant),
      query_tile(query_tile),
      storage(storage),
      fixed_attributes(special.attributes),
      absent(special.absent),
      given(special.given),
      fixed_extents(special.extents) {
    if (head_dim > 0)
        for (const std::string &symbol : variant.heads)
            if (variant.has_extent(symbol)) fixed_extents[symbol] = head_dim;
    for (const Tensor &t : variant.tensors) {
        if (t.output) continue;
        Halide::ImageParam image(halide_type(t.type, storage.bits()), int(t.extents.size()),
                                 t.name);
        for (int i = 0; i < image.dimensions(); i++) image.dim(i).set_min(0);
        // An absent or broadcast tensor repeats one element: stride 0. Halide takes 1 unless told.
        bool repeats =
            (t.is_optional && t.absent_value.given() && !is_given(t.name)) || t.broadcast.back();
        image.dim(0).set_stride(repeats ? Expr() : Expr(1));
        auto fixed = fixed_extents.find(t.extents.back());
        if (fixed != fixed_extents.end()) image.dim(0).set_extent(fixed->second);
        images.emplace(t.name, image);
    }
    for (const Attribute &a : variant.attributes) {
        bool real = a.kind == Attribute::Float;
        Halide::Type type = real ? Halide::Float(32) : Halide::Int(32);
        params.emplace(a.name, Halide::Param<void>(type, a.name));
    }
}

Expr Build::extent(const std::string &symbol) const {
    auto fixed = fixed_extents.find(symbol);
    if (fixed != fixed_extents.end()) return fixed->second;
    for (bool optional : {false, true})
        for (const Tensor &t : variant.tensors) {
            if (t.output || t.is_optional != optional || !may_have(t.name)) continue;
            int rank = int(t.extents.size());
            for (int i = 0; i < rank; i++)
                if (t.extents[i] == symbol && !t.broadcast[i])
                    return images.at(t.name).dim(rank - 1 - i).extent();
        }
    throw std::invalid_argument(variant.name + " has no extent '" + symbol + "'");
}

Expr Build::attribute(const std::string &id) const {
    auto fixed = fixed_attributes.find(id);
    bool real = variant.attribute(id).kind == Attribute::Float;
    if (fixed != fixed_attributes.end())
        return real ? Expr(float(fixed->second)) : Expr(int(fixed->second));
    return params.at(id);
}

bool Build::is(const std::string &id, double value) const {
    auto fixed = fixed_attributes.find(id);
    return fixed != fixed_attributes.end() && fixed->second == value;
}

bool Build::has(const std::string &symbol, int extent) const {
    auto fixed = fixed_extents.find(symbol);
    return fixed != fixed_extents.end() && fixed->second == extent;
}

bool Build::may_have(const std::string &tensor) const {
    return variant.has_tensor(tensor) &&
           std::find(absent.begin(), absent.end(), tensor) == absent.end();
}

bool Build::is_given(const std::string &tensor) const {
    return std::find(given.begin(), given.end(), tensor) != given.end();
}

Expr Build::repeats(const std::string &tensor) const {
    const Tensor &t = variant.tensor(tensor);
    Expr all = Halide::Internal::const_true();
    for (int i = 0; i < t.leading; i++) {
        Expr stride = images.at(tensor).dim(int(t.extents.size()) - 1 - i).stride();
        all = all && stride == 0;
    }
    return all;
}

Expr Build::load(const std::string &tensor, std::vector<Expr> index) const {
    Halide::ImageParam image = images.at(tensor);
    std::reverse(index.begin(), index.end());
    // For bounds inference only, it makes no code: the caller's rows exist. Columns of a head are
    // loop variables already.
    for (size_t i = variant.tensor(tensor).type == Type::Storage; i < index.size(); i++)
        index[i] = unsafe_promise_clamped(index[i], 0, image.dim(int(i)).extent() - 1);
    Expr element = image(index);
    return variant.tensor(tensor).type == Type::Storage ? widen(element, storage) : element;
}

const Tensor &Variant::first_output() const {
    return *std::find_if(tensors.begin(), tensors.end(), [](auto &t) { return t.output; });
}

Expr Build::stored(Expr value) const {
    return variant.first_output().type == Type::Storage ? narrow(value, storage) : value;
}

Expr Build::element_bytes() const { return cast<double>(bytes); }

std::vector<Halide::Argument> Build::arguments() const {
    std::vector<Halide::Argument> out;
    for (const Tensor &t : variant.tensors)
        if (!t.output) out.push_back(images.at(t.name));
    for (const Attribute &a : variant.attributes) out.push_back(params.at(a.name));
    return out;
}

Halide::Parameter Build::parameter(const std::string &id) const {
    auto image = images.find(id);
    return image != images.end() ? image->second.parameter() : params.at(id).parameter();
}

void complete(const Build &x, Queries &q) {
    const std::vector<std::string> &axes = x.variant.first_output().extents;
    if (!q.batches.defined()) q.batches = x.extent(axes.front());
    if (!q.heads.defined()) q.heads = x.extent(axes[axes.size() - 2]);
    if (!q.stored.defined()) q.stored = q.count;
    if (!q.place) q.place = [v = x.v](Expr row) { return std::vector<Expr>{v.b, row, v.h}; };
}

Attention make_attention(Build &x) {
    Attention a = x.variant.build(x);
    complete(x, a.queries);
    auto site = [&x, position = a.queries.position, head = a.queries.head](Expr row, Expr key) {
        return Site{x.v.b, head ? head(row) : x.v.h, position ? position(row) : row, key};
    };
    const Variant &v = x.variant;
    for (Source &s : a.sources) {
        if (v.modify_score)
            s.score = [=, &x, &v, score = s.score](Expr value, Expr row, const Key &key) {
                if (score) value = score(value, row, key);
                // Every operation rounded by itself, or its bits would depend on the kernel.
                return Halide::strict_float(v.modify_score(x, site(row, key), value));
            };
        if (v.admit)
            s.admit = [=, &x, &v, admit = s.admit](const std::vector<Expr> &r, Expr row,
                                                   const Key &key) {
                Expr ok = v.admit(x, site(row, key));
                return admit ? admit(r, row, key) && ok : ok;
            };
    }
    return a;
}

std::vector<Variant> &registry() {
    static std::vector<Variant> variants;
    return variants;
}

const Variant *find_variant(const std::string &name) {
    for (const Variant &v : registry())
        if (v.name == name) return &v;
    return nullptr;
}

Registration::Registration(Variant v, bool stock) {
    v.stock = stock;
    if (find_variant(v.name)) throw std::logic_error("two variants are called " + v.name);
    register_halide_generator(v.name);
    registry().push_back(std::move(v));
}

}  // namespace attune
