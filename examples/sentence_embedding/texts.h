// From files and strings to embeddings.
#ifndef SENTENCE_EMBEDDING_TEXTS_H
#define SENTENCE_EMBEDDING_TEXTS_H

#include <functional>
#include <string>
#include <vector>

#include "encoder.h"
#include "tokenizer.h"

/// The whole file. Throws BadInput if it cannot be read.
std::string read_file(const std::string &path);

/// Sentences of a plain text: blank lines part paragraphs; a sentence ends at . ! or ? with its
/// closing quotes and brackets, unless a lower-case letter follows ("Oh!" cried she).
std::vector<std::string> split_sentences(const std::string &text);

struct Embedded {
    Rows rows;           // [texts, kWidth], in the order of the texts
    int64_t tokens = 0;  // without padding
};

/// Encodes the texts in batches of texts of similar length, which need little padding.
/// progress(done) is called after each batch with the number of texts done.
Embedded embed_texts(const std::vector<std::string> &texts, const Tokenizer &tokenizer,
                     Encoder &encoder, int batch, const std::function<void(size_t)> &progress);

#endif
