// What passes that prefetch share: statements that ask for lines of memory.
#pragma once

#include <Halide.h>

#include <map>
#include <string>

namespace attune {

constexpr int kLine = 64;  // bytes of a cache line

using Values = std::map<std::string, Halide::Expr>;  // of names

// A loop some iterations later: past its end too, or its last at most.
struct Later {
    Halide::Expr any, existing;
};
using Loops = std::map<std::string, Later>;

Later later(const Halide::Internal::For *op, int iterations);

// An expression in later iterations. An address may be anything, but what it is made of is loaded
// from tables that end somewhere.
Halide::Expr at(const Loops &loops, const Halide::Expr &e);

// Elements of a tensor of the call next to each other, in terms of what is no let.
struct Place {
    std::string buffer;
    Halide::Type type;   // of an element
    Halide::Expr first;  // undefined: no such elements
};
Place place(const std::string &buffer, Halide::Type type, const Halide::Expr &index,
            const Values &lets);

// For the line of an element, into the second-level cache. LLVM's own, as Halide's prefetch has no
// choice of the cache. Halide calls a function that its runtime declares by that declaration, and
// its runtime has a prefetch.
Halide::Internal::Stmt ask(const Place &p, const Halide::Expr &index);

// Of a statement only the loops, which ask for what it loads or for where it stores, if that is a
// vector of a tensor of the call, or, of loads, whatever of it depends on the loop `by`. lets: in
// terms of what is no let; loops: later iterations of those outside the statement.
Halide::Internal::Stmt asks_for_loads(const Halide::Internal::Stmt &s, const Values &lets,
                                      const Loops &loops, const std::string &by = "");
Halide::Internal::Stmt asks_for_stores(const Halide::Internal::Stmt &s, const Values &lets);

// One of `parts` parts of the iterations of a nest of loops; of several nests, of each.
Halide::Internal::Stmt part_of(const Halide::Internal::Stmt &s, const Halide::Expr &part,
                               int parts);

}  // namespace attune
