#include "compact_registers.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "split_div_mod.h"

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;
using Halide::MemoryType;

namespace {

// base, base + stride, ...: of a vector or a scalar access.
struct Lanes {
    Expr base;
    int64_t stride = 1;
    int count = 1;
};

struct Tile {
    std::vector<Expr> indices;    // of all accesses
    Expr base;                    // of the first
    std::map<int64_t, int> rank;  // dense name of each element, by its distance from base
};

[[noreturn]] void unproven(const std::string &tile, const Expr &index, const Expr &base) {
    std::ostringstream text;
    text << "the register tile '" << tile << "' is indexed by " << index << " and by " << base
         << ", which do not differ by a constant";
    throw std::runtime_error(text.str());
}

Lanes lanes_of(const std::string &tile, const Expr &index) {
    const Ramp *ramp = index.as<Ramp>();
    if (!ramp) return {index};
    auto stride = as_const_int(ramp->stride);
    if (!stride) unproven(tile, index, ramp->base);
    return {ramp->base, *stride, ramp->lanes};
}

int64_t distance(const std::string &tile, const Expr &from, const Expr &to) {
    auto difference = as_const_int(simplify(to - from));
    if (!difference) unproven(tile, to, from);
    return *difference;
}

using Tiles = std::map<std::string, Tile>;
using Expanded = std::map<const BaseExprNode *, Expr>;  // indices, without the lets around them

// Finds the tiles and all indices of them, as functions of loop variables alone.
class Collect : public IRVisitor {
public:
    Tiles tiles;
    Expanded expanded;

private:
    using IRVisitor::visit;
    std::map<std::string, Expr> lets;
    LoopBounds bounds;

    void visit(const For *op) override {
        if (!is_const(op->min) || !is_const(op->extent)) return IRVisitor::visit(op);
        Interval range(op->min, simplify(op->min + op->extent - 1));
        ScopedBinding<Interval> bind(bounds, op->name, range);
        IRVisitor::visit(op);
    }

    void visit(const Allocate *op) override {
        if (op->memory_type == MemoryType::Register && op->constant_allocation_size() > 0)
            tiles[op->name];
        IRVisitor::visit(op);
    }

    template <typename LetOrLetStmt>
    void visit_let(const LetOrLetStmt *op) {
        op->value.accept(this);
        Expr outer = std::exchange(lets[op->name], substitute(lets, op->value));
        op->body.accept(this);
        if (outer.defined())
            lets[op->name] = outer;
        else
            lets.erase(op->name);
    }
    void visit(const LetStmt *op) override { visit_let(op); }
    void visit(const Let *op) override { visit_let(op); }

    void add(const std::string &name, const Expr &index) {
        auto tile = tiles.find(name);
        if (tile == tiles.end()) return;
        Expr e = simplify(split_div_mod(substitute(lets, index), bounds));
        tile->second.indices.push_back(e);
        auto [known, is_new] = expanded.emplace(index.get(), e);
        if (!is_new && !equal(known->second, e)) unproven(name, e, known->second);
    }
    void visit(const Load *op) override {
        add(op->name, op->index);
        IRVisitor::visit(op);
    }
    void visit(const Store *op) override {
        add(op->name, op->index);
        IRVisitor::visit(op);
    }
};

void rank_elements(const std::string &name, Tile &tile) {
    for (const Expr &index : tile.indices) {
        Lanes l = lanes_of(name, index);
        if (!tile.base.defined()) tile.base = l.base;
        int64_t first = distance(name, tile.base, l.base);
        for (int i = 0; i < l.count; i++) tile.rank[first + i * l.stride] = 0;
    }
    int next = 0;
    for (auto &element : tile.rank) element.second = next++;
}

class Rename : public IRMutator {
public:
    Rename(const Tiles &tiles, const Expanded &expanded) : tiles(tiles), expanded(expanded) {}

private:
    using IRMutator::visit;
    const Tiles &tiles;
    const Expanded &expanded;

    // Undefined for what is no tile.
    Expr renamed(const std::string &name, const Expr &index) const {
        auto found = tiles.find(name);
        if (found == tiles.end()) return Expr();
        const Tile &tile = found->second;
        Expr e = expanded.at(index.get());
        Lanes l = lanes_of(name, e);
        int64_t first = distance(name, tile.base, l.base);
        int from = tile.rank.at(first);
        if (l.count == 1) return from;
        int step = tile.rank.at(first + l.stride) - from;
        for (int i = 0; i < l.count; i++)
            if (tile.rank.at(first + i * l.stride) != from + i * step) unproven(name, e, tile.base);
        return Ramp::make(from, step, l.count);
    }

    Stmt visit(const Allocate *op) override {
        auto tile = tiles.find(op->name);
        if (tile == tiles.end()) return IRMutator::visit(op);
        int size = std::max(1, int(tile->second.rank.size()));
        return Allocate::make(op->name, op->type, op->memory_type, {size}, op->condition,
                              mutate(op->body));
    }
    Expr visit(const Load *op) override {
        Expr index = renamed(op->name, op->index);
        if (!index.defined()) return IRMutator::visit(op);
        return Load::make(op->type, op->name, index, op->image, op->param, mutate(op->predicate),
                          ModulusRemainder());
    }
    Stmt visit(const Store *op) override {
        Expr index = renamed(op->name, op->index);
        if (!index.defined()) return IRMutator::visit(op);
        return Store::make(op->name, mutate(op->value), index, op->param, mutate(op->predicate),
                           ModulusRemainder());
    }
};

class CompactRegisters : public IRMutator {
public:
    using IRMutator::mutate;
    Stmt mutate(const Stmt &s) override {
        Collect found;
        s.accept(&found);
        for (auto &[name, tile] : found.tiles) rank_elements(name, tile);
        return Rename(found.tiles, found.expanded).mutate(s);
    }
};

}  // namespace

IRMutator *make_compact_registers() { return new CompactRegisters; }

}  // namespace attune
