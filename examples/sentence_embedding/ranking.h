// Sentences by closeness to a query, and how they are shown.
#ifndef SENTENCE_EMBEDDING_RANKING_H
#define SENTENCE_EMBEDDING_RANKING_H

#include <string>
#include <vector>

#include "encoder.h"

struct Ranking {
    struct Entry {
        size_t index;  // of the sentence in the text
        float score;   // cosine of its angle to the query
        std::string sentence;
    };
    std::string query;
    std::vector<Entry> best;  // best first
    size_t sentences;         // of the text
    int64_t tokens;           // of text and query
    int threads;
    Timing timing;

    double tokens_per_second() const;
};

/// The `top` best of the sentences. rows: their embeddings, then that of the query.
std::vector<Ranking::Entry> rank(const std::vector<std::string> &sentences, const Rows &rows,
                                 int top);

std::string to_table(const Ranking &ranking);
std::string to_json(const Ranking &ranking);

#endif
