#include "oracle.h"

#include "naive.h"

#include <stdexcept>

namespace attune::oracle {
namespace {

template <typename Real>
using Loops = Outputs (*)(const Case &);

template <typename Real>
const std::map<std::string, Loops<Real>> &loops() {
    static const std::map<std::string, Loops<Real>> all = {
        {"dense", dense<Real>},
        {"dense_varlen", dense<Real>},
        {"dense_paged", dense<Real>},
        {"dense_split", dense_split<Real>},
        {"dense_merge", dense_merge<Real>},
        {"combiner_fixed", combiner_fixed<Real>},
        {"cluster_attn", cluster_attn<Real>},
        {"lsra_core", lsra<Real>},
        {"lsra_core_step", lsra<Real>},
    };
    return all;
}

}  // namespace

bool knows(const std::string &op) { return loops<double>().count(op) != 0; }

template <typename Real>
Outputs evaluate(const Case &call) {
    const auto found = loops<Real>().find(call.op);
    if (found == loops<Real>().end()) throw std::invalid_argument("no oracle for op " + call.op);
    return found->second(call);
}

template Outputs evaluate<float>(const Case &);
template Outputs evaluate<double>(const Case &);

}  // namespace attune::oracle
