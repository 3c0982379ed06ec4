// attune-bench: one Google Benchmark a shape of the pack's tables.
#include "cli/fault.h"
#include "options.h"
#include "cli/pack_file.h"
#include "cli/progress.h"
#include "report.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>

namespace bench {
namespace {

constexpr int SAMPLES = 11;

struct Result {
    std::optional<Row> row;
    std::optional<tool::Fault> fault;
};

using Results = std::map<std::string, Result>;  // by the shape's name

void measure(benchmark::State &state, const attune_pack *pack, const tool::Shape &shape,
             const Selection &selection, Result &result) {
    tool::Progress progress;
    try {
        progress.show("preparing " + shape.name + " ...");
        Measurement measurement(pack, shape, selection);
        for (auto _ : state) {
            progress.show("measuring " + shape.name + " ...");
            state.SetIterationTime(measurement.sample());
        }
        result.row = measurement.row();
    } catch (const tool::Fault &fault) {
        result.fault = fault;
        state.SkipWithError(fault.what());
    }
}

// Prints a line as soon as a shape has been measured.
class Table : public benchmark::BenchmarkReporter {
public:
    explicit Table(const Results &results) : results_(results) {}
    bool ReportContext(const Context &) override {
        std::printf("%s\n", table_head().c_str());
        return true;
    }
    void ReportRuns(const std::vector<Run> &runs) override {
        const Run &run = runs.front();
        const Result &result = results_.at(run.run_name.function_name);
        if (result.row)
            std::printf("%s\n", table_line(*result.row).c_str());
        else
            std::printf("%s\n",
                        table_failure(run.run_name.function_name, run.error_message).c_str());
        std::fflush(stdout);
    }

private:
    const Results &results_;
};

void register_shapes(const attune_pack *pack, const std::vector<tool::Shape> &shapes,
                     const Selection &selection, Results &results) {
    for (const tool::Shape &shape : shapes)
        benchmark::RegisterBenchmark(shape.name.c_str(),
                                     [=, &results](benchmark::State &state) {
                                         measure(state, pack, shape, selection,
                                                 results[shape.name]);
                                     })
            ->UseManualTime()
            ->Iterations(SAMPLES)
            ->Unit(benchmark::kMillisecond);
}

// A shape that was asked for by name must have been measured; of all shapes of a pack, those that
// it has no kernel for are only reported.
void check_faults(const Results &results, bool asked) {
    for (const auto &[name, result] : results)
        if (result.fault && (asked || result.fault->status != tool::PACK_CANNOT))
            throw *result.fault;
}

void run(const Options &options) {
    const attune_pack *pack = tool::load_pack(tool::pack_path(options.pack));
    std::vector<tool::Shape> shapes = shapes_of(pack, options);
    if (options.list) {
        for (const tool::Shape &shape : shapes) std::printf("%s\n", shape.name.c_str());
        return;
    }
    Results results;
    register_shapes(pack, shapes, options.selection, results);
    Table table(results);
    benchmark::RunSpecifiedBenchmarks(&table);
    std::vector<Row> rows;
    for (const tool::Shape &shape : shapes)  // in the order asked for
        if (results[shape.name].row) rows.push_back(*results[shape.name].row);
    if (!options.json.empty()) write_json(options.json, rows);
    check_faults(results, !options.shapes.empty() || !options.custom.variant.empty());
}

// Moves options of Google Benchmark to the end; returns how many are not.
int split_options(int argc, char **argv) {
    char **end = std::stable_partition(argv, argv + argc, [](const char *argument) {
        return std::strncmp(argument, "--benchmark_", 12) != 0;
    });
    return int(end - argv);
}

int bench_main(int argc, char **argv) {
    int own = split_options(argc, argv);
    std::vector<char *> theirs = {argv[0]};
    theirs.insert(theirs.end(), argv + own, argv + argc);
    int count = int(theirs.size());
    theirs.push_back(nullptr);
    Options options;
    if (!parse(own, argv, options)) return tool::DONE;
    benchmark::Initialize(&count, theirs.data());
    run(options);
    return tool::DONE;
}

}  // namespace
}  // namespace bench

int main(int argc, char **argv) {
    return tool::guarded("attune-bench", bench::bench_main, argc, argv);
}
