#include "of_tile.h"

namespace attune {

namespace {

// Finds the products that block_first() and block_last() are made of.
class OfTile : public Halide::Internal::IRMutator {
public:
    OfTile(const Dims &v, const Blocking &t, Expr count)
        : block(v.qb.name()),
          rows(t.query_tile),
          first(min(v.qb * t.query_tile + v.qt * t.tile_rows, count - 1)),
          end(v.qb * t.query_tile + (v.qt + 1) * t.tile_rows) {}

    // Undefined if e depends on the block in another way.
    Expr of(const Expr &e) {
        Expr out = mutate(e);
        return other ? Expr() : out;
    }

private:
    using IRMutator::visit;
    const std::string block;
    const int rows;
    const Expr first, end;
    bool other = false;

    bool is_block(const Expr &e) const {
        auto variable = e.as<Halide::Internal::Variable>();
        return variable && variable->name == block;
    }

    Expr visit(const Halide::Internal::Mul *op) override {
        if (Halide::Internal::is_const(op->b, rows)) {
            if (is_block(op->a)) return first;
            auto next = op->a.as<Halide::Internal::Add>();
            if (next && is_block(next->a) && Halide::Internal::is_const_one(next->b)) return end;
        }
        return IRMutator::visit(op);
    }

    Expr visit(const Halide::Internal::Variable *op) override {
        other = other || op->name == block;
        return op;
    }
};

}  // namespace

Expr of_tile(const Expr &e, const Dims &v, const Blocking &blocking, const Expr &rows) {
    return OfTile(v, blocking, rows).of(e);
}

}  // namespace attune
