#include "cl_statement.h"

namespace attune {

namespace {

class Inliner {
public:
    explicit Inliner(std::vector<ClStatement> &statements) : statements(statements) {}

    void run() {
        for (auto s = statements.rbegin(); s != statements.rend(); ++s) count(*s);
        for (ClStatement &s : statements) {
            depth = s.depth;
            if (s.kind == ClStatement::For) {
                // The last value is computed in every step.
                depth++;
                inline_into(s.value);
                epoch++;
            } else if (s.kind == ClStatement::Declare) {
                if (s.variable->dropped) continue;
                inline_into(s.variable->value);
                s.variable->epoch = epoch;
                if (!is_pure(s.variable->value)) epoch++;
            } else {
                inline_into(s.target);
                inline_into(s.value);
                epoch++;
            }
        }
    }

private:
    std::vector<ClStatement> &statements;
    int depth = 0, epoch = 0;
    const std::function<void(ClNode &)> add_use = [](ClNode &use) { use.variable->uses++; };

    // Lazy: what C computes only under a condition. Halide computes all, and a branch around a load
    // or a polynomial costs more than these do.
    void inline_into(ClNode &n, bool lazy = false) {
        if (n.kind == ClNode::Use) return inline_one(n, lazy);
        bool some = n.kind == ClNode::Select || n.text == "&&" || n.text == "||";
        for (ClNode &a : n.args) inline_into(a, lazy || (some && &a != &n.args[0]));
    }

    void inline_one(ClNode &use, bool lazy) {
        ClVariable &v = *use.variable;
        if (!v.local || v.uses != 1 || v.depth != depth || v.type != v.value.type) return;
        if (!is_pure(v.value) || (has_load(v.value) && v.epoch != epoch)) return;
        if (lazy && !is_cheap(v.value)) return;
        v.dropped = true;
        ClNode value = std::move(v.value);
        use = std::move(value);
    }

    void count(ClStatement &s) {
        if (s.kind == ClStatement::Declare) {
            ClVariable &v = *s.variable;
            v.dropped = !v.uses && is_pure(v.value);
            if (!v.dropped) for_each_use(v.value, add_use);
            return;
        }
        for_each_use(s.target, add_use);
        for_each_use(s.value, add_use);
    }
};

}  // namespace

void inline_cl_values(std::vector<ClStatement> &statements) { Inliner(statements).run(); }

}  // namespace attune
