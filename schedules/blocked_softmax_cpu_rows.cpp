// Queries on the vector lanes. The score tile is Q^T[d][q] (a vector of queries) times K[k][d] (one
// element, broadcast from K in place), the second product P[k][q] times V[k][d] likewise. So K and
// V are never packed, any strides of theirs work, there is no horizontal maximum or sum and no lane
// tail in k, d or Lk. The only transpositions are Q in and O out, query_tile x D a block. With 24
// accumulators the inner loops are 24 FMA + 3 loads + 8 broadcasts + 3 to 4 scalar instructions:
// the FMA pipes limit them.
#include "blocked_softmax_cpu.h"

#include <algorithm>

#include "before.h"

namespace attune {

using Halide::LoopLevel;
using Halide::MemoryType;
using Halide::TailStrategy;

namespace {

class RowsSchedule {
public:
    RowsSchedule(Softmax &x, bool by_head, int lanes)
        : x(x),
          v(x.v),
          t(x.blocking),
          lanes(std::min(lanes, x.blocking.tile_rows)),
          all_lanes(lanes),
          block(x.result, x.over_blocks),
          line(line_level(x, by_head)),
          fixed(Halide::Internal::is_const(x.head) && Halide::Internal::is_const(x.value_head)) {}

    void apply() {
        tile();
        for (SourceFuncs &p : x.sources) source(p);
    }

private:
    Softmax &x;
    const Dims &v;
    const Blocking &t;
    const int lanes, all_lanes;  // of rows of queries, of columns
    const LoopLevel block, line;
    const bool fixed;  // head sizes are constants

    // A block's own: without bound_extent(qb, 1) storage and loops depend on rows / query_tile.
    void local(Func f) { local(f, t.query_tile); }
    void local(Func f, int rows) {
        f.store_in(MemoryType::Stack).bound_extent(v.qi, rows).bound_extent(v.qb, 1);
    }

    // Each tile unrolled: loops that index small Funcs cost the products their registers, see
    // below.
    void by_tiles(Func f) {
        Var tiles("tiles");
        f.split(v.qi, tiles, v.qi, t.tile_rows).vectorize(v.qi, lanes).unroll(v.qi);
    }

    void tile() {
        x.query.compute_at(block);
        local(x.query);
        row_by_row(x.query, v.qi, x.query_blocks, x.head_terms);
        if (t.tiles) {
            x.query_halves.compute_at(block);
            local(x.query_halves);
            halves(x.query_halves);
        }
        if (x.start.defined()) {
            x.start.compute_at(block);
            local(x.start);
            row_by_row(x.start, v.qi, x.start_blocks, x.value_head);
        }
        if (x.part.state.defined()) ending(x.part);
        ending(x);
    }

    void ending(Ending &end) {
        for (Func f : {end.out, end.lse, end.state}) {
            f.compute_at(block);
            local(f);
        }
        for (Func f : {end.lse, end.state}) by_tiles(f);
        // Halide gives Funcs a stack slot that others had before, if it is large enough, and a slot
        // that a loop indexes keeps the accumulators of the products out of registers (bf16: 0.92
        // of the FMA peak, AVX2 0.52). So lse is too large for theirs, and norm is a vector.
        end.lse.bound_storage(v.qi, t.query_tile + t.tile_rows * std::max(t.key_step, t.columns));
        Var rows("rows");
        end.out.split(v.qi, rows, v.qi, lanes).reorder(v.qi, v.d, rows).vectorize(v.qi);
        end.norm.compute_at(end.out, rows).store_in(MemoryType::Stack).vectorize(v.qi);
        end.norm.bound_extent(v.qi, lanes).bound_extent(v.qb, 1);
        if (!fixed) return;
        end.out.bound(v.d, 0, x.value_head).unroll(v.d);
        if (end.out_blocks.width) transpose(end.out_blocks);
        end.state.bound(v.g, 0, x.owners).unroll(v.g);
    }

    // In registers: indices of the steps are constants.
    void shuffle(const Transposed &blocks, LoopLevel at, size_t count) {
        const int w = blocks.width;
        for (size_t i = 0; i < count; i++) {
            Func f = blocks.steps[i];
            const std::vector<Var> args = f.args();  // element, block of columns, block of rows
            f.compute_at(at).store_in(MemoryType::Stack).bound(args[0], 0, w * w);
            f.bound_extent(args[1], 1).bound_extent(args[2], 1);
            for (size_t j = 3; j < args.size(); j++)
                if (args[j].name() == v.qb.name() || args[j].name() == v.c.name() ||
                    args[j].name() == v.kt.name())
                    f.bound_extent(args[j], 1);
            interleave(f, w, i > 0);
        }
    }

    void interleave(Func f, int width, bool pairs) {
        Var z = f.args()[0], side("side");
        if (pairs) f.split(z, z, side, 2).unroll(side);
        f.vectorize(z, width).unroll(z);
    }

    // What lies row by row in memory.
    void row_by_row(Func f, Var row, const Transposed &blocks, Expr columns) {
        if (blocks.width) return by_blocks(f, v.d, row, blocks, columns);
        f.reorder(v.d, row);
        if (fixed) f.unroll(v.d, 16, TailStrategy::GuardWithIf);
    }

    void by_blocks(Func f, Var d, Var row, const Transposed &blocks, Expr columns) {
        Var lane("lane"), column("column");
        f.bound(d, 0, columns).split(d, d, column, blocks.width);
        f.split(row, row, lane, blocks.width).reorder(lane, column, row, d);
        f.vectorize(lane).unroll(column);
        shuffle(blocks, LoopLevel(f, row), blocks.steps.size());
    }

    void transpose(const Transposed &out) {
        const size_t before = out.steps.size() - 1;
        const int w = out.width;
        Func f = out.steps.back();
        const std::vector<Var> args = f.args();
        f.compute_at(block).store_in(MemoryType::Stack).bound_extent(v.qb, 1);
        f.bound(args[0], 0, w * w).bound_extent(args[1], t.query_tile / w);
        f.bound(args[2], 0, x.value_head / w);
        interleave(f, w, true);
        shuffle(out, LoopLevel(f, args[1]), before);
    }

    // All rows of a line.
    void together(Func f, Expr columns) {
        f.compute_at(line).vectorize(v.d, all_lanes, TailStrategy::GuardWithIf);
        f.bound_extent(v.h, 1).bound_extent(v.b, 1);
        if (fixed) f.bound(v.d, 0, columns).unroll(v.d);
    }

    void source(SourceFuncs &p) {
        if (p.keys_together.defined()) {
            together(p.keys_together, x.head);
            together(p.values_together, x.value_head);
        }
        // One tile: V is made after the softmax, where it is read.
        const LoopLevel chunk(p.state, p.over_chunks);
        const LoopLevel tile = t.tile_rows < t.query_tile ? LoopLevel(p.state, p.tiles) : chunk;
        p.state.update(p.update)
            .split(v.qi, p.tiles, v.qi, t.tile_rows)
            .reorder(v.qi, v.g, p.tiles, p.over_chunks)
            .vectorize(v.qi, lanes)
            .unroll(v.qi);
        p.range.compute_at(block).store_in(MemoryType::Stack).bound_extent(v.qb, 1);
        if (p.tile_range.defined()) {
            p.tile_range.compute_at(block).store_in(MemoryType::Stack).bound_extent(v.qb, 1);
            p.tile_range.bound(v.qt, 0, t.query_tile / t.tile_rows);
        }
        if (p.rows.defined()) {
            p.rows.compute_at(block);
            local(p.rows);
            by_tiles(p.rows);
        }
        schedule_place(p, chunk, lanes);
        for (Func f : {p.score, p.maximum, p.probability, p.sum}) {
            local(f, t.tile_rows);
            f.compute_at(tile).vectorize(v.qi, lanes).bound_extent(v.c, 1);
        }
        p.score.bound_storage(v.k, t.key_chunk);
        p.probability.bound_storage(v.k, terms());
        staged(p, chunk);
        if (p.relative.defined()) relative(p);
        if (p.addend_blocks.width) addend(p);
        products(p, tile);
        auto by_groups = [&](Func f) {
            f.update()
                .reorder(v.qi, p.over_groups.x, p.over_groups.y)
                .vectorize(v.qi, lanes)
                .unroll(v.qi)
                .unroll(p.over_groups.x);
        };
        by_groups(p.score);
        if (t.maximum_of_groups())
            by_groups(p.maximum);
        else
            p.maximum.update().reorder(v.qi, p.over_keys).vectorize(v.qi, lanes).unroll(v.qi);
        for (Func f : {p.maximum, p.sum}) f.unroll(v.qi);
        for (Func f : {p.probability, p.sum})
            f.update().reorder(v.qi, p.over_terms).vectorize(v.qi, lanes).unroll(v.qi);
    }

    void products(SourceFuncs &p, const LoopLevel &tile) {
        for (Func f : {p.dot, p.weighted}) {
            local(f, t.tile_rows);
            f.bound_extent(v.c, 1);
        }
        if (p.ahead.defined()) {
            p.ahead.compute_at(p.score, p.over_groups.y).store_in(MemoryType::Stack);
            for (const Var &one : {v.kt, v.qt, v.c, v.qb}) p.ahead.bound_extent(one, 1);
            p.ahead.update().reorder(v.d, p.over_ahead);
            if (fixed) p.ahead.update().unroll(v.d);
        }
        // A tile of scores of its own: its accumulators never touch memory.
        p.dot.compute_at(p.score, p.over_groups.y);
        // The second product stays in registers until the merge: 0.814 -> 0.836 of the peak.
        p.weighted.compute_at(p.state, v.g);
        if (t.tiles) {
            p.probability_halves.compute_at(tile);
            local(p.probability_halves, t.tile_rows);
            halves(p.probability_halves);
            if (!p.source.given) tile_product(p.dot, p.dot_tiles, v.k);
            tile_product(p.weighted, p.weighted_tiles, v.d);
        } else {
            product(p.weighted, v.d, p.over_terms);
        }
        if (p.source.given)
            p.dot.vectorize(v.qi, lanes).unroll(v.qi).unroll(v.k);
        else if (!t.tiles)
            product(p.dot, v.k, p.over_d), unroll(p.dot, p.over_d);
    }

    // Fewer instructions that are no multiply-adds: Zen 3, AVX2 1 %, D 128 2 %.
    void unroll(Func f, Halide::RVar over) {
        if (t.unroll < 2 || !divides(t.unroll, x.head_terms)) return;
        Halide::RVar outer("outer_d"), inner("inner_d");
        f.update().split(over, outer, inner, t.unroll).unroll(inner);
    }

    void product(Func f, Var row, Halide::RVar over) {
        f.vectorize(v.qi, lanes).unroll(v.qi).unroll(row);
        f.update().reorder(v.qi, row, over).vectorize(v.qi, lanes).unroll(v.qi).unroll(row);
    }

    // In the machine's tile registers, 16 queries and rows by 32 terms. Halide 21 holds one tile at
    // a time, so each product of tiles loads both sides.
    void tile_product(Func f, TileProduct &product, Var row) {
        Var qi("qi_in"), inner("inner");
        Halide::RVar outer_term("outer_term"), term("term");
        f.tile(v.qi, row, qi, inner, 16, 16, TailStrategy::RoundUp).vectorize(qi).vectorize(inner);
        Func sum = product.sum;
        sum.compute_at(f, v.qi).store_in(MemoryType::AMXTile);
        sum.bound_extent(v.qi, 16).bound_extent(row, 16).bound_extent(v.c, 1).bound_extent(v.qb, 1);
        sum.vectorize(v.qi).vectorize(row);
        Halide::Stage update = sum.update();
        update.split(product.over, outer_term, term, 32);
        update.reorder(term, v.qi, row, outer_term).atomic();
        update.vectorize(term).vectorize(v.qi).vectorize(row);
    }

    // Both elements of a query's pairs next to each other.
    void halves(Func f) {
        const Var two = f.args()[0];
        f.bound(two, 0, 2).reorder(two, v.qi).vectorize(v.qi, lanes).unroll(two);
    }

    // Like scores, but of rows of the table, and kept for all chunks of the block.
    void relative(SourceFuncs &p) {
        Func f = p.relative, dot = p.relative_dot;
        const int step = x.relative_step();
        f.compute_at(block).bound_extent(v.qi, t.query_tile).bound_extent(v.qb, 1);
        f.split(v.k, p.places, v.k, step, TailStrategy::RoundUp)
            .split(v.qi, p.tiles, v.qi, t.tile_rows);
        f.reorder(v.qi, v.k, p.tiles, p.places).vectorize(v.qi, lanes).unroll(v.qi).unroll(v.k);
        dot.compute_at(f, p.tiles).bound_extent(v.k, step);
        local(dot, t.tile_rows);
        product(dot, v.k, p.over_d);
    }

    // Of a tile and a group of keys.
    void addend(SourceFuncs &p) {
        Func f = p.addend;
        f.compute_at(p.score, p.over_groups.y).bound_extent(v.c, 1).bound_extent(v.kt, 1);
        local(f, t.tile_rows);
        by_blocks(f, v.k, v.qi, p.addend_blocks, t.key_step);
    }

    int terms() const { return t.pairs ? (t.key_chunk + 1) / 2 : t.key_chunk; }

    // What is not read in place is made once a chunk and query block instead of once a register
    // tile.
    void staged(SourceFuncs &p, LoopLevel chunk) {
        if (t.tiles) {
            p.value.compute_at(chunk).store_in(MemoryType::Stack);
            p.value.bound_extent(v.k, t.key_chunk).bound_extent(v.c, 1).bound_extent(v.qb, 1);
            row_by_row(p.value, v.k, p.value_blocks, x.value_head);
        }
        auto stage = [&](Func f, int rows, Expr columns) {
            if (!f.has_update_definition()) return;
            f.compute_at(chunk).store_in(MemoryType::Stack).bound_storage(v.k, rows);
            f.bound_extent(v.qb, 1).bound_extent(v.c, 1);
            if (fixed) f.bound(v.d, 0, columns);
            // Columns inside keys: integers and statistics of a key are loaded once.
            whole_rows(f, 0, all_lanes);
        };
        stage(p.key, t.key_chunk, t.tiles ? x.head : x.head_terms);
        stage(p.value, terms(), x.value_head);
    }
};

}  // namespace

void schedule_rows(Softmax &x, bool by_head, int lanes) { RowsSchedule(x, by_head, lanes).apply(); }

}  // namespace attune
