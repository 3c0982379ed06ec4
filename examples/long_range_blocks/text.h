// A text as rows that a layer takes.
#ifndef LONG_RANGE_BLOCKS_TEXT_H
#define LONG_RANGE_BLOCKS_TEXT_H

#include <string>

#include "weights.h"

/// LayerNorm of the word embeddings of the first `tokens` word pieces, [CLS] before them, by
/// all-MiniLM-L6-v2 in `model`. No positions: the model has 512. Throws BadInput.
Rows embedded_text(const std::string &model, const std::string &text, int64_t tokens);

#endif
