// Expressions of OpenCL C as trees: what Halide's source has of them, without vectors.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cl_lexer.h"

namespace attune {

// A construct that is not known: the kernel is left as it is.
struct ClUnknown : std::runtime_error {
    explicit ClUnknown(const std::string &what) : std::runtime_error(what) {}
};

struct ClVariable;

struct ClNode {
    enum Kind { Literal, Use, Unary, Binary, Select, Call, Cast, Load } kind = Literal;
    std::string text;  // of a literal; operator, function or type
    std::string type;  // empty: not known
    ClVariable *variable = nullptr;
    std::vector<ClNode> args;
};

struct ClVariable {
    std::string type;     // of a scalar
    std::string element;  // of an array or a pointer
    int id = 0, uses = 0;
    int depth = 0;       // loops around it
    bool local = false;  // declared in a statement of its own, which has the value
    bool dropped = false;
    int epoch = 0;  // statements with effects before it
    ClNode value;
};

// What a name in an expression stands for: nothing for a function or a constant of the language.
using ClLookup = std::function<const ClNode *(const std::string &)>;

ClNode cl_literal(const std::string &text, const std::string &type);
// The same value in a shorter form, if the node is one of a few.
ClNode simplified_cl(ClNode node);

// All tokens are one expression; simplified.
ClNode cl_expression(const ClToken *begin, const ClToken *end, const ClLookup &lookup);

// The name of a variable is its id between '$'.
std::string cl_text(const ClNode &node);

bool is_cl_type(const ClToken &token);
bool is_pure_cl_function(const std::string &name);
// Of a binary operator; 0 for what is none.
int cl_precedence(const std::string &op);
bool has_load(const ClNode &node);
// Without effects, and the same anywhere if it has no load.
bool is_pure(const ClNode &node);
// A few operations that are never slow.
bool is_cheap(const ClNode &node);
void for_each_use(ClNode &node, const std::function<void(ClNode &)> &call);

}  // namespace attune
