// The error of everything that the user can mend: files, options, texts.
#ifndef SENTENCE_EMBEDDING_BAD_INPUT_H
#define SENTENCE_EMBEDDING_BAD_INPUT_H

#include <stdexcept>

struct BadInput : std::runtime_error {
    using std::runtime_error::runtime_error;
};

#endif
