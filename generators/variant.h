// What a variant of attention is: its tensors, attributes and cost, declared once, and its
// algorithm as a list of key sources. The C header, argument checks, command line, benchmarks and
// tests are made from this declaration; a schedule never appears here.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "Halide.h"
#include "attention.h"
#include "math/storage.h"

namespace attune {

enum class Type { Storage, F32, I32, U8 };  // Storage: the dtype a kernel is generated for

// A number known when a call is made: a formula of numbers, of extents and attributes by name, and
// of given() and rank(). x / 0 is 0 and x % 0 is x; what is true is 1, what is false 0.
class Value {
public:
    struct Term {
        std::string op, name;  // of ATTUNE_OP_...; extent, attribute or tensor
        double number;
    };
    std::string text;         // infix
    std::vector<Term> terms;  // postfix

    Value() = default;  // no value
    Value(double number);
    Value(int number) : Value(double(number)) {}
    Value(const char *name);
    Value(const std::string &name) : Value(name.c_str()) {}
    bool given() const { return !terms.empty(); }
    int depth() const;  // results that wait at once while it is evaluated
    bool is_number() const { return terms.size() == 1 && terms[0].op == "NUMBER"; }

    // Found for a Value only, so that they hide no function of the same name.
    friend Value operator+(const Value &a, const Value &b) { return infix("ADD", " + ", 5, a, b); }
    friend Value operator-(const Value &a, const Value &b) { return infix("SUB", " - ", 5, a, b); }
    friend Value operator*(const Value &a, const Value &b) { return infix("MUL", "*", 6, a, b); }
    friend Value operator/(const Value &a, const Value &b) { return infix("DIV", "/", 6, a, b); }
    friend Value operator%(const Value &a, const Value &b) { return infix("MOD", " % ", 6, a, b); }
    friend Value operator<(const Value &a, const Value &b) { return infix("LT", " < ", 4, a, b); }
    friend Value operator<=(const Value &a, const Value &b) { return infix("LE", " <= ", 4, a, b); }
    friend Value operator>(const Value &a, const Value &b) { return infix("GT", " > ", 4, a, b); }
    friend Value operator>=(const Value &a, const Value &b) { return infix("GE", " >= ", 4, a, b); }
    friend Value operator==(const Value &a, const Value &b) { return infix("EQ", " == ", 3, a, b); }
    friend Value operator!=(const Value &a, const Value &b) { return infix("NE", " != ", 3, a, b); }
    friend Value operator&&(const Value &a, const Value &b) {
        return infix("AND", " && ", 2, a, b);
    }
    friend Value operator||(const Value &a, const Value &b) { return infix("OR", " || ", 1, a, b); }
    friend Value operator!(const Value &a);
    friend Value floor(const Value &a) { return function("FLOOR", "floor", {a}); }
    friend Value ceil(const Value &a) { return function("CEIL", "ceil", {a}); }
    friend Value sqrt(const Value &a) { return function("SQRT", "sqrt", {a}); }
    friend Value min(const Value &a, const Value &b) { return function("MIN", "min", {a, b}); }
    friend Value max(const Value &a, const Value &b) { return function("MAX", "max", {a, b}); }
    friend Value select(const Value &condition, const Value &a, const Value &b) {
        return function("SELECT", "select", {condition, a, b});
    }
    friend Value given(const std::string &tensor);  // 1 or 0
    friend Value rank(const std::string &tensor);   // dimensions of the one passed; 0: absent

private:
    int binding = 0;  // of the text's outermost operator: as long as it has a greater one than its
                      // neighbours, it needs no parentheses
    static Value infix(const char *op, const char *sign, int binding, const Value &a,
                       const Value &b);
    static Value function(const char *op, const std::string &name,
                          const std::vector<Value> &arguments);
    static Value of_tensor(const char *op, const std::string &text, const std::string &tensor);
    std::string beside(int neighbour) const;
};

Value given(const std::string &tensor);
Value rank(const std::string &tensor);

enum class Content { Any, Range, Permutation, Offsets };

struct Tensor {
    std::string name, doc;
    Type type = Type::Storage;
    std::vector<std::string> extents;  // symbols, outermost first
    std::vector<bool> broadcast;       // that extent may be 1
    bool output = false, is_optional = false;
    int leading = 0;  // so many outermost extents may be left out, together
    Value absent_value;
    Content content = Content::Any;
    Value low, high, most;
    std::string needed_by;    // "attribute=value": required exactly then
    std::string used_tensor;  // of row b only the first ceil(its element b / used_by) are read
    Value used_by;

    // Optional; when it is absent every element counts as `value`.
    Tensor &optional(Value value = 0);
    // Optional; a call without it reads nothing of it, so that kernels may take its columns for
    // neighbours. One element that stands for all others has the stride 0.
    Tensor &unread();
    // Integers low..high; anything else is refused before the kernel runs.
    Tensor &range(Value low, Value high);
    Tensor &permutation();  // the innermost dimension holds each of 0..extent-1 once
    // The innermost dimension starts with 0, never falls, rises by at most `most` a step, and ends
    // within low..high.
    Tensor &offsets(Value low, Value high, Value most = {});
    // Of row b of a table only the first ceil(element b of `tensor` / by) entries are read, and
    // checked: the rest holds anything.
    Tensor &used(const std::string &tensor, Value by);
    Tensor &needed(const std::string &attribute_is);
};

struct Derived {
    std::string symbol;
    Value formula;
};

struct Rule {
    Value holds;
    std::string text;
    bool of_extents;  // a call that breaks it has a bad extent, else a bad value
};

struct Attribute {
    enum Kind { Int, Float, Flag, Enum };
    std::string name, doc;
    Kind kind = Int;
    std::vector<std::string> choices;
    Value fallback;  // not given: required
    double low = 0, high = 0;
};

struct Shape {  // a size with a name, for benchmarks
    std::string name;
    std::map<std::string, int64_t> extents;
    std::map<std::string, double> attributes;
    std::vector<std::string> given;  // optional tensors
    std::string order;               // memory order of rank-4 storage tensors
    std::string dtype = "f32";
};

// A kernel of its own for calls in which these attributes have these values.
struct Special {
    std::string name;
    std::map<std::string, double> attributes;
    bool head_dims = true;  // once for each head size of the menu; false: head size at run time
    std::vector<std::string> absent = {};     // and these optional tensors are not given
    bool gpu = !head_dims;                    // made for GPUs too
    std::map<std::string, int> extents = {};  // and these extents are so large
    std::vector<std::string> given = {};      // and these optional tensors are given
};

struct Cost {
    Expr pairs, flops, bytes;  // double
};

class Build;

struct Site {
    Expr batch, head, query, key;  // query: position on the key axis
};

class Variant {
public:
    std::string name, doc, source;
    std::vector<Tensor> tensors;
    std::vector<Attribute> attributes;
    std::vector<Derived> derived;
    std::vector<Rule> rules;
    std::vector<Shape> shapes;
    std::vector<Special> specials;              // most special first
    std::vector<std::string> heads{"D", "Dv"};  // extents that head_dims fixes
    std::function<Attention(Build &)> build;
    std::function<Direct(Build &)> direct;  // in place of build, if its result is defined
    std::function<Cost(Build &)> cost;
    bool stock = false;  // comes with Attune, so that kernels can be cached by Attune's own sources
    // Changes to an existing variant: a score modification and a further predicate.
    std::function<Expr(Build &, const Site &, Expr score)> modify_score;
    std::function<Expr(Build &, const Site &)> admit;

    Variant(std::string name, std::string doc, std::string source);

    // shape: symbols, outermost first: "B Lq Hq D". "B?" may be 1; "[B]" may be left out, of
    // several in brackets, "[T] [B] H", all or none.
    Tensor &input(const std::string &name, const std::string &shape, const std::string &doc,
                  Type type = Type::Storage);
    Tensor &output(const std::string &name, const std::string &shape, const std::string &doc,
                   Type type = Type::Storage);
    void integer(const std::string &name, Value fallback, double low, double high,
                 const std::string &doc);
    void number(const std::string &name, Value fallback, double low, double high,
                const std::string &doc);
    void flag(const std::string &name, Value fallback, const std::string &doc);
    void choice(const std::string &name, std::vector<std::string> choices, Value fallback,
                const std::string &doc);
    // The formula decides the symbol: tensors must agree, if any has it.
    void extent(const std::string &symbol, Value formula);
    // What a call must obey; text says so.
    void require(Value holds, const std::string &text);
    void divides(Value divisor, Value dividend);
    // sizes: "B=1 Hq=8 Lq=2048 causal=1 bias": a word without a number is an optional tensor given
    void shape(const std::string &name, const std::string &sizes, const std::string &order = "",
               const std::string &dtype = "f32");

    std::vector<std::string> extents() const;  // symbols in order of first use, then derived ones
    const Derived *derivation(const std::string &symbol) const;  // nullptr: tensors decide it
    const Tensor &tensor(const std::string &name) const;
    const Tensor &first_output() const;
    const Attribute &attribute(const std::string &name) const;
    bool has_tensor(const std::string &name) const;
    bool has_attribute(const std::string &name) const;
    bool has_extent(const std::string &symbol) const;

private:
    Tensor &add(const std::string &name, const std::string &shape, const std::string &doc, Type t);
};

// ---- What an algorithm is given ----------------------------------------------------------------

// The loop variables of blocked attention.
struct Dims {
    Var d{"d"};    // column of a head
    Var qi{"qi"};  // query row within its block
    Var qt{"qt"};  // tile of a block's rows
    Var g{"g"};    // owner of columns of the state
    Var k{"k"};    // key within its chunk
    Var kt{"kt"};  // group of keys within its chunk
    Var c{"c"};    // chunk of keys
    Var qb{"qb"};  // block of queries
    Var h{"h"}, b{"b"};
};

// A whole tensor of f32, of d and the dimensions of Queries::place, reversed. From column 0 on a
// row is the result; from column `part` on what a later softmax may continue, the result of
// Attention::part or else the same. Its log-sum-exp, if asked for, is in column `lse`.
struct StageResult {
    Func columns;
    Expr part, lse;
};

class Build {
public:
    Build(const Variant &variant, const Special &special, int head_dim, int query_tile,
          Storage storage);

    const Variant &variant;
    const Dims v;
    int query_tile;  // of the attention that is being made
    const Storage storage;
    Expr block_first() const { return v.qb * query_tile; }  // first and last query row of a block
    Expr block_last(Expr rows) const { return min((v.qb + 1) * query_tile, rows) - 1; }

    Expr extent(const std::string &symbol) const;  // a constant where the kernel fixes it
    Expr attribute(const std::string &name) const;
    bool is(const std::string &attribute, double value) const;  // fixed to that value
    bool has(const std::string &symbol, int extent) const;      // likewise
    bool may_have(const std::string &tensor) const;  // declared, and not absent in this kernel
    bool is_given(const std::string &tensor) const;  // in each call of this kernel
    Expr repeats(const std::string &tensor) const;   // its leading dimensions do nothing
    // Element of an input, indices outermost first as in the declaration. Storage comes as f32.
    Expr load(const std::string &tensor, std::vector<Expr> index) const;

    Expr element_bytes() const;     // double: size of the storage type, for costs only
    Expr stored(Expr value) const;  // as the first output stores it

    // Inputs, then attributes, in order of declaration.
    std::vector<Halide::Argument> arguments() const;
    Halide::Argument element_bytes_argument() const { return bytes; }
    Halide::Parameter parameter(const std::string &input_or_attribute) const;

    // An attention that later ones read, on CPUs. A record of schedules/tuned may name the stage as
    // its special, for rows or keys of another number. Names of sources are unique among all
    // stages. with_lse: see StageResult.
    std::function<StageResult(const std::string &name, const std::function<Attention()> &make,
                              bool with_lse)>
        stage;

private:
    std::map<std::string, double> fixed_attributes;
    std::vector<std::string> absent, given;
    std::map<std::string, int> fixed_extents;
    std::map<std::string, Halide::ImageParam> images;
    std::map<std::string, Halide::Param<void>> params;
    Halide::Param<int> bytes{"element_bytes"};
};

// The variant's algorithm with its modify_score and admit in every source.
Attention make_attention(Build &x);
// What the queries leave undefined.
void complete(const Build &x, Queries &queries);

// ---- The list of variants ----------------------------------------------------------------------

std::vector<Variant> &registry();
const Variant *find_variant(const std::string &name);
struct Registration {
    Registration(Variant v, bool stock);
};

// Variants to start from.
Variant dense(const std::string &name = "dense");

}  // namespace attune

#ifndef ATTUNE_STOCK
#define ATTUNE_STOCK false
#endif

// ATTUNE_VARIANT(name) { attune::Variant v = attune::dense("name"); ...; return v; }
#define ATTUNE_VARIANT(id)                                                                  \
    static attune::Variant attune_make_##id();                                              \
    static attune::Registration attune_registration_##id(attune_make_##id(), ATTUNE_STOCK); \
    static attune::Variant attune_make_##id()
