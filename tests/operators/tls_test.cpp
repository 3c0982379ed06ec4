// What the forms of Transformer-LS share.
#include "property.h"

namespace attune::tests {
namespace {

class TlsIdentity : public Property {};

// A run of steps is the first rows of a block.
TEST_P(TlsIdentity, StepsAreRowsOfTheBlock) {
    for (const Config &config : configs()) {
        const Case block = make_case(config);
        const auto all = run_here(block).at("out");
        const auto chunk = static_cast<std::int64_t>(block.number("S", 1));
        const auto taps = static_cast<std::int64_t>(block.number("W", 1));
        for (const std::int64_t steps : {config.Lq, config.Lq - chunk + 1}) {
            Case run = block;
            run.op = "tls_causal_step";
            run.attributes["steps"] = static_cast<double>(steps);
            const auto first = [&](const char *name, std::int64_t rows) {
                std::vector<std::int64_t> order;
                for (std::int64_t i = 0; i < rows; ++i) order.push_back(i);
                run.tensors[name] = take(block.tensors.at(name), 1, order);
                return order;
            };
            for (const char *name : {"kw", "vw"}) first(name, taps + steps);
            first("s", steps);
            const std::vector<std::int64_t> rows = first("q", steps);
            add_outputs(run, false);
            EXPECT_EQ(run_here(run).at("out"), slices(all, block.tensors.at("out").shape, 1, rows))
                << steps << " steps: " << describe(config);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, TlsIdentity,
                         testing::Combine(testing::Values("tls_causal"),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

}  // namespace
}  // namespace attune::tests
