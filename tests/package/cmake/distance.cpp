// Dense attention whose scores fall with the distance of query and key.
#include "variant.h"

ATTUNE_VARIANT(distance) {
    attune::Variant v = attune::dense("distance");
    v.number("slope", 1, 0, INFINITY, "taken from a score for each position of distance");
    v.modify_score = [](attune::Build &x, const attune::Site &at, Halide::Expr score) {
        return score - x.attribute("slope") * Halide::cast<float>(abs(at.query - at.key));
    };
    return v;
}
