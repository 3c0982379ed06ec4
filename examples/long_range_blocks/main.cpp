// Runs a layer on the first 2048 word pieces of a text and says how long it took.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>

#include "bad_input.h"
#include "expected.h"
#include "layers.h"
#include "text.h"

namespace {

// Of values around 1, for sums of 384 products in f32 before and after the attention.
constexpr double kAllowed = 2e-5;

struct Options {
    std::string layer, model, text, check;
    int threads = 0;
};

bool agrees(const char *what, double difference) {
    std::printf("%s: largest difference %.1e, allowed %.0e\n", what, difference, kAllowed);
    return difference <= kAllowed;
}

void report(const std::string &layer, const Seconds &seconds) {
    std::printf("%s: %lld tokens, matrix products %.1f ms, Attune %.1f ms\n", layer.c_str(),
                static_cast<long long>(kTokens), 1e3 * seconds.products, 1e3 * seconds.attention);
}

// The rows of the layer; `good` becomes false if a second way to make them gives others.
Rows run_layer(const Options &options, attune_context *context, const Rows &text, bool *good) {
    Seconds seconds;
    if (options.layer != "lsra") {
        const auto layer = options.layer == "transformer_ls"   ? transformer_ls
                           : options.layer == "combiner_axial" ? combiner_axial
                                                               : combiner_mixture;
        Rows rows = layer(context, text, &seconds);
        report(options.layer, seconds);
        return rows;
    }
    const Lsra lsra;
    Rows rows = lsra.whole(context, text, &seconds);
    report("lsra", seconds);
    seconds = {};
    const Rows steps = lsra.steps(context, text, &seconds);
    report("lsra, token by token", seconds);
    *good = agrees("token by token", (rows - steps).cwiseAbs().maxCoeff());
    return rows;
}

int run(const Options &options) {
    const Rows text = embedded_text(options.model, options.text, kTokens);
    const Context context(options.threads);
    bool good = true;
    const Rows rows = run_layer(options, context, text, &good);
    if (!options.check.empty())
        good &= agrees(options.check.c_str(), largest_difference(rows, options.check));
    return good ? 0 : 1;
}

int fail(int status, const char *why) {
    std::fprintf(stderr, "long_range_blocks: %s\n", why);
    return status;
}

}  // namespace

int main(int argc, char **argv) {
    Options options;
    CLI::App app(
        "Runs a layer of Transformer-LS, Lite Transformer or Combiner with random weights on a "
        "text embedded by all-MiniLM-L6-v2.");
    app.add_option("layer", options.layer)
        ->required()
        ->check(CLI::IsMember({"transformer_ls", "lsra", "combiner_axial", "combiner_mixture"}));
    app.add_option("--model", options.model, "folder with model.safetensors and vocab.txt")
        ->required();
    app.add_option("--text", options.text, "plain text of 2048 word pieces or more")->required();
    app.add_option("--check", options.check, "compare with the values of this file");
    app.add_option("--threads", options.threads, "of Attune; 0: one a hardware thread")
        ->capture_default_str()
        ->check(CLI::Range(0, 1024));
    // Status as `attune` has it: 2 wrong call, 3 this pack cannot, 1 failed, or the check did.
    try {
        app.parse(argc, argv);
        return run(options);
    } catch (const CLI::Success &help) {
        return app.exit(help);
    } catch (const CLI::ParseError &error) {
        return fail(2, error.what());
    } catch (const BadInput &error) {
        return fail(2, error.what());
    } catch (const AttuneError &error) {
        return fail(error.status / 100 == 2 ? 3 : 1, error.what());
    } catch (const std::exception &error) {
        return fail(1, error.what());
    }
}
