#include "paged.h"

namespace attune {

void declare_pages(Variant &v, bool optional) {
    auto add = [&](const char *name, const char *shape, const char *doc, Type type) -> Tensor & {
        Tensor &t = v.input(name, shape, doc, type);
        return optional ? t.optional() : t;
    };
    add("k_pages", "n_pages P Hkv D", "keys, P in a page", Type::Storage);
    add("v_pages", "n_pages P Hkv Dv", "values", Type::Storage);
    add("block_table", "B max_pages", "page of each P keys of a sequence", Type::I32)
        .range(0, Value("n_pages") - 1)
        .used("kv_len", "P");
}

void find_in_pages(Build &x, Sequence &s) {
    Expr head = kv_head(x), P = x.extent("P"), b = s.batch;
    // Quotients of integers below 2^31 are exact in double, and there is a vector division.
    auto page = [P](Expr j) { return cast<int>(cast<double>(j) / cast<double>(P)); };
    s.most_keys = x.extent("max_pages") * P;
    s.locate = {[=, &x](Expr j) {
                    return x.load("block_table", {b, page(j)});
                },
                [=](Expr j) { return j - page(j) * P; }};
    s.key = [=, &x](Expr d, const Key &j) {
        return x.load("k_pages", {j.at[0], j.at[1], head, d});
    };
    s.value = [=, &x](Expr d, const Key &j) {
        return x.load("v_pages", {j.at[0], j.at[1], head, d});
    };
}

}  // namespace attune
