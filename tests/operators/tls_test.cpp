// What the forms of Transformer-LS share.
#include "property.h"

namespace attune::tests {
namespace {

class TlsIdentity : public Property {};

// A run of steps is the first rows of a block.
TEST_P(TlsIdentity, StepsAreRowsOfTheBlock) {
    for (const Config &config : configs()) {
        const Case block = make_case(config);
        run_here(block);
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
            run_here(run);
            const Expected expected(run);
            EXPECT_TRUE(expected.holds(run)) << steps << " steps: " << describe(config);
            run.tensors["out"] = take(block.tensors.at("out"), 1, rows);
            EXPECT_TRUE(expected.holds(run)) << steps << " of the block: " << describe(config);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, TlsIdentity,
                         testing::Combine(testing::Values("tls_causal"),
                                          testing::ValuesIn(cpu_targets())),
                         property_name);

}  // namespace
}  // namespace attune::tests
