#include "next_block.h"

#include <algorithm>
#include <utility>

#include "asks.h"
#include "loop.h"

namespace attune {

using namespace Halide::Internal;
using Halide::Expr;
using Halide::Int;

namespace {

class NextBlock : public IRMutator {
public:
    explicit NextBlock(const Softmax &x)
        : block("." + x.over_blocks.name()),
          result(x.result.name() + "."),
          query(x.query.name()),
          state(x.sources.front().state.name()),
          tiles(x.blocking.query_tile / x.blocking.tile_rows),
          owners(as_const_int(x.owners) ? int(*as_const_int(x.owners)) : 1) {
        for (const SourceFuncs &p : x.sources)
            if (p.begins)
                first_updates.push_back(
                    {"." + p.over_chunks.x.name(), "." + p.tiles.name(),
                     state + ".s" + std::to_string(p.update + 1) + "." + x.v.g.name()});
    }

private:
    using IRMutator::visit;

    // The loops of an update of the state: the ends of their names.
    struct Update {
        std::string chunks, tiles, owners;
    };

    const std::string block, result, query, state;  // RVar of the blocks, Funcs
    const int tiles, owners;            // of a block's rows; of columns, 1 if no constant
    std::vector<Update> first_updates;  // of sources that begin
    Expr chunk, tile;                   // indices of an update's loops in scope
    std::vector<const For *> around;    // loops of the result, blocks innermost
    Loops this_block;                   // in scope
    Values lets;                        // in terms of what is no let
    Stmt next_queries;
    Stmt of_block;  // what the block in scope asks for, to be placed in its first update
    bool placed = false;

    // The block that comes after this one, the innermost loop of the result counting first.
    Loops next() const {
        Loops out;
        Expr carry = const_true();
        for (auto op = around.rbegin(); op != around.rend(); ++op) {
            Expr here = Variable::make(Int(32), (*op)->name), end = (*op)->min + (*op)->extent;
            Expr then = here + select(carry, 1, 0);
            const bool outermost = op + 1 == around.rend();
            carry = carry && then == end;
            then = outermost ? min(then, end - 1) : select(carry, (*op)->min, then);
            out[(*op)->name] = {then, then};
        }
        return out;
    }

    Stmt visit(const For *op) override {
        if (starts_with(op->name, result) && this_block.empty()) {
            around.push_back(op);
            if (ends_with(op->name, block)) this_block = next();
            Stmt out = IRMutator::visit(op);
            around.pop_back();
            this_block.clear();
            return out;
        }
        if (!of_block.defined()) return IRMutator::visit(op);
        for (const Update &u : first_updates) {
            if (ends_with(op->name, u.chunks)) return in_scope(op, chunk);
            if (ends_with(op->name, u.tiles)) return in_scope(op, tile);
            if (op->name == u.owners) return spread(op);
        }
        return IRMutator::visit(op);
    }

    Stmt in_scope(const For *op, Expr &index) {
        index = Variable::make(Int(32), op->name);
        Stmt out = IRMutator::visit(op);
        index = Expr();
        return out;
    }

    // A part of what the block asks for with each group of columns of each tile, in its first
    // chunk. All at once they would wait for the core's few miss buffers (Emerald Rapids: a window
    // of 256 keys 0.556 -> 0.593, tls_bidir_w128_r32 0.49 -> 0.50).
    Stmt spread(const For *op) {
        placed = true;
        Expr owner = Variable::make(Int(32), op->name);
        Expr part = tile.defined() ? tile * owners + owner : owner;
        Stmt asks = part_of(of_block, part, owners * tiles);
        if (chunk.defined()) asks = IfThenElse::make(chunk == 0, asks);
        return loop(op, op->min, op->extent, Block::make(asks, mutate(op->body)));
    }

    Stmt visit(const LetStmt *op) override {
        lets[op->name] = substitute(lets, op->value);
        return IRMutator::visit(op);
    }

    Stmt visit(const ProducerConsumer *op) override {
        if (op->is_producer && op->name == query && !this_block.empty())
            next_queries = asks_for_loads(op->body, lets, this_block);
        return IRMutator::visit(op);
    }

    Stmt visit(const Block *op) override {
        auto made = op->first.as<ProducerConsumer>();
        if (!made || !made->is_producer || made->name != state || !next_queries.defined())
            return IRMutator::visit(op);
        of_block =
            Block::make(std::exchange(next_queries, Stmt()), asks_for_stores(op->rest, lets));
        placed = false;
        Stmt out = IRMutator::visit(op), asks = std::exchange(of_block, Stmt());
        return placed ? out : Block::make(asks, out);
    }
};

}  // namespace

IRMutator *make_next_block(const Softmax &x) { return new NextBlock(x); }

}  // namespace attune
