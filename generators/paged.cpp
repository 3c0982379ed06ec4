#include "paged.h"

namespace attune {

namespace {

// j / P for j >= 0 without the division of integers, which vectors have not. The first estimate
// errs by 2^-23 of it, the second by one.
Expr quotient(Expr j, Expr P) {
    Expr inverse = 1.f / cast<float>(P);
    Expr q = cast<int>(cast<float>(j) * inverse), rest = j - q * P;
    Expr more = cast<int>(cast<float>(rest) * inverse);
    rest = rest - more * P;
    return q + more + select(rest >= P, 1, rest < 0, -1, 0);
}

}  // namespace

void declare_pages(Variant &v, bool optional) {
    auto add = [&](const char *name, const char *shape, const char *doc, Type type) -> Tensor & {
        Tensor &t = v.input(name, shape, doc, type);
        return optional ? t.unread() : t;
    };
    add("k_pages", "n_pages P Hkv D", "keys, P in a page", Type::Storage);
    add("v_pages", "n_pages P Hkv Dv", "values", Type::Storage);
    add("block_table", "B max_pages", "page of each P keys of a sequence", Type::I32)
        .range(0, Value("n_pages") - 1)
        .used("kv_len", "P");
}

void find_in_pages(Build &x, Sequence &s) {
    Expr head = kv_head(x), P = x.extent("P"), b = s.batch;
    auto page = [P](Expr j) { return quotient(j, P); };
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
