// WordPiece tokens of uncased BERT models: what `BertTokenizerFast` gives, except that the names of
// special tokens in a text ("[SEP]") are plain text.
#ifndef SENTENCE_EMBEDDING_TOKENIZER_H
#define SENTENCE_EMBEDDING_TOKENIZER_H

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

class Tokenizer {
public:
    /// vocabulary: a file with one word piece a line; a line's number is its id. Throws BadInput if
    /// it cannot be read or lacks a special token.
    explicit Tokenizer(const std::string &vocabulary, int max_pieces = 256);

    /// [CLS] pieces [SEP]: at most max_pieces ids, what is behind is cut off. Any bytes are a text:
    /// those that are not UTF-8 count as U+FFFD, which the model's tokenizer drops.
    std::vector<int> encode(std::string_view text) const;

    /// Ids run from 0 to size() - 1.
    int size() const { return size_; }

private:
    int special(const std::string &path, const char *name) const;
    void append_pieces(const std::string &word, std::vector<int> *ids) const;

    std::unordered_map<std::string, int> ids_;
    int size_ = 0, max_pieces_, unknown_, start_, end_;
};

/// The basic tokenizer: words and single punctuation marks and Chinese characters, in lower case
/// and without accents.
std::vector<std::string> split_words(std::string_view text);

#endif
