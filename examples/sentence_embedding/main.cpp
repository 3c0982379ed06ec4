// Ranks the sentences of a text by their meaning's closeness to a query.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bad_input.h"
#include "encoder.h"
#include "ranking.h"
#include "texts.h"
#include "tokenizer.h"

using nlohmann::json;

namespace {

// Of an embedding and its reference. Different summation orders cost about 1e-6.
constexpr float kLeastCosine = 0.9999f;

struct Options {
    std::string model, text, query, check;
    int top = 5, batch = 16, threads = 0;
    bool json = false;
};

struct Program {
    explicit Program(const Options &options)
        : threads(options.threads),
          tokenizer(options.model + "/vocab.txt"),
          file(options.model + "/model.safetensors"),
          encoder(Weights(file), threads) {
        if (tokenizer.size() == kVocabulary) return;
        throw BadInput(options.model + "/vocab.txt: " + std::to_string(tokenizer.size()) +
                       " lines, expected " + std::to_string(kVocabulary));
    }

    ThreadPool threads;
    Tokenizer tokenizer;
    Safetensors file;
    Encoder encoder;
};

// On a terminal one line that counts up; silent in a pipe.
Embedded embed(Program &program, const std::vector<std::string> &texts, int batch) {
    const bool terminal = isatty(STDERR_FILENO);
    const auto progress = [&](size_t done) {
        if (terminal) std::fprintf(stderr, "\r%zu of %zu texts", done, texts.size());
        if (terminal && done == texts.size()) std::fprintf(stderr, "\r\033[K");
    };
    return embed_texts(texts, program.tokenizer, program.encoder, batch, progress);
}

json parse_reference(const std::string &path) {
    json reference = json::parse(read_file(path), nullptr, false);
    bool good = reference.is_array() && !reference.empty();
    for (const json &row : reference) {
        good = good && row.is_object() && row.contains("text") && row["text"].is_string() &&
               row.contains("embedding") && row["embedding"].is_array() &&
               row["embedding"].size() == size_t{kWidth};
        for (size_t i = 0; good && i < row["embedding"].size(); i++) {
            good = row["embedding"][i].is_number();
        }
    }
    if (!good) throw BadInput(path + ": not a list of {text, embedding of 384 numbers}");
    return reference;
}

// Compares with reference embeddings: 0 if all of them agree, else 1.
int check(const Options &options) {
    const json reference = parse_reference(options.check);
    Program program(options);
    std::vector<std::string> texts;
    for (const json &row : reference) texts.push_back(row["text"]);
    const Embedded embedded = embed(program, texts, options.batch);
    size_t good = 0;
    float least = 1;
    for (size_t i = 0; i < texts.size(); i++) {
        const auto values = reference[i]["embedding"].get<std::vector<float>>();
        const Eigen::Map<const Eigen::RowVectorXf> expected(values.data(), kWidth);
        const float cosine = embedded.rows.row(static_cast<int64_t>(i)).dot(expected.normalized());
        good += cosine >= kLeastCosine;  // false for NaN
        if (!(cosine >= least)) least = cosine;
    }
    std::printf("%zu of %zu embeddings agree with %s: least cosine %.7f, needed %.4f\n", good,
                texts.size(), options.check.c_str(), least, kLeastCosine);
    return good == texts.size() ? 0 : 1;
}

void rank_text(const Options &options) {
    const std::vector<std::string> sentences = split_sentences(read_file(options.text));
    if (sentences.empty()) throw BadInput(options.text + ": no sentence");
    Program program(options);
    std::vector<std::string> texts = sentences;
    texts.push_back(options.query);
    const Embedded embedded = embed(program, texts, options.batch);

    Ranking ranking;
    ranking.query = options.query;
    ranking.best = rank(sentences, embedded.rows, options.top);
    ranking.sentences = sentences.size();
    ranking.tokens = embedded.tokens;
    ranking.threads = program.threads.count();
    ranking.timing = program.encoder.timing();
    std::fputs((options.json ? to_json(ranking) : to_table(ranking)).c_str(), stdout);
}

int run(const Options &options) {
    if (!options.check.empty()) return check(options);
    if (options.text.empty()) throw BadInput("--text FILE is required");
    if (options.query.empty()) throw BadInput("--query TEXT is required");
    rank_text(options);
    return 0;
}

int fail(int status, const char *why) {
    std::fprintf(stderr, "sentence_embedding: %s\n", why);
    return status;
}

}  // namespace

int main(int argc, char **argv) {
    Options options;
    CLI::App app("Ranks the sentences of a text by closeness to a query, with all-MiniLM-L6-v2.");
    app.add_option("--model", options.model, "folder with model.safetensors and vocab.txt")
        ->required();
    app.add_option("--text", options.text, "plain text whose sentences are ranked");
    app.add_option("--query", options.query, "what to look for");
    app.add_option("--top", options.top, "sentences to show")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000000));
    app.add_option("--batch", options.batch, "sentences at a time")
        ->capture_default_str()
        ->check(CLI::Range(1, 4096));
    app.add_option("--threads", options.threads, "0: one a hardware thread")
        ->capture_default_str()
        ->check(CLI::Range(0, 1024));
    app.add_flag("--json", options.json, "print JSON");
    app.add_option("--check", options.check,
                   "compare with the reference embeddings of this file; no --text");
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
