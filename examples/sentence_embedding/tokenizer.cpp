#include "tokenizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cctype>
#include <fstream>

#include "bad_input.h"

namespace {

constexpr int kMaxWordCharacters = 100;  // longer words are unknown

bool is_space(int32_t c) {
    const auto category = utf8proc_category(c);
    return c == '\t' || c == '\n' || c == '\r' || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

// What the tokenizer drops. Unassigned code points stay: they make their word unknown.
bool is_dropped(int32_t c) {
    const auto category = utf8proc_category(c);
    return c == 0xFFFD || category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
           category == UTF8PROC_CATEGORY_CS || category == UTF8PROC_CATEGORY_CO;
}

// All ASCII symbols count, $ and + as well, whatever Unicode calls them.
bool is_punctuation(int32_t c) {
    if (c < 128) return c > ' ' && c < 127 && !isalnum(c);
    const auto category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

// Blocks of Chinese characters, which stand alone as words do elsewhere.
bool is_chinese(int32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B820 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

class Words {
public:
    void add(int32_t c) {
        if (is_space(c)) return end_word();
        if (is_dropped(c)) return;
        const bool alone = is_chinese(c);
        if (alone) end_word();
        add_decomposed(c);
        if (alone) end_word();
    }

    std::vector<std::string> take() {
        end_word();
        return std::move(words_);
    }

private:
    // NFD of one character; the accents (nonspacing marks) go.
    void add_decomposed(int32_t c) {
        int32_t parts[32];  // the longest canonical decomposition has 4
        int boundary = 0;
        const auto count = utf8proc_decompose_char(c, parts, 32, UTF8PROC_DECOMPOSE, &boundary);
        for (utf8proc_ssize_t i = 0; i < count; i++) {
            if (utf8proc_category(parts[i]) != UTF8PROC_CATEGORY_MN) append(parts[i]);
        }
    }

    void append(int32_t c) {
        const bool alone = is_punctuation(c);
        if (alone) end_word();
        utf8proc_uint8_t bytes[4];
        const auto count = utf8proc_encode_char(utf8proc_tolower(c), bytes);
        word_.append(reinterpret_cast<char *>(bytes), static_cast<size_t>(count));
        if (alone) end_word();
    }

    void end_word() {
        if (!word_.empty()) words_.push_back(std::move(word_));
        word_.clear();
    }

    std::vector<std::string> words_;
    std::string word_;
};

bool starts_character(char byte) { return (byte & 0xC0) != 0x80; }

int count_characters(const std::string &word) {
    int count = 0;
    for (char byte : word) count += starts_character(byte);
    return count;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
    Words words;
    const auto *bytes = reinterpret_cast<const utf8proc_uint8_t *>(text.data());
    const auto size = static_cast<utf8proc_ssize_t>(text.size());
    for (utf8proc_ssize_t i = 0; i < size;) {
        int32_t c;
        const auto length = utf8proc_iterate(bytes + i, size - i, &c);
        if (length > 0) words.add(c);
        i += length > 0 ? length : 1;
    }
    return words.take();
}

Tokenizer::Tokenizer(const std::string &vocabulary, int max_pieces) : max_pieces_(max_pieces) {
    std::ifstream file(vocabulary);
    if (!file) throw BadInput(vocabulary + ": cannot open");
    for (std::string line; std::getline(file, line);) ids_.emplace(line, size_++);
    unknown_ = special(vocabulary, "[UNK]");
    start_ = special(vocabulary, "[CLS]");
    end_ = special(vocabulary, "[SEP]");
}

int Tokenizer::special(const std::string &path, const char *name) const {
    const auto found = ids_.find(name);
    if (found == ids_.end()) throw BadInput(path + ": no line " + name);
    return found->second;
}

// Greedy: the longest piece that fits, again and again; a word with a gap is unknown as a whole.
void Tokenizer::append_pieces(const std::string &word, std::vector<int> *ids) const {
    const size_t before = ids->size();
    size_t begin = 0;
    bool known = count_characters(word) <= kMaxWordCharacters;
    while (known && begin < word.size()) {
        std::string piece = (begin ? "##" : "") + word.substr(begin);
        const size_t prefix = begin ? 2 : 0;
        auto found = ids_.find(piece);
        while (found == ids_.end() && piece.size() > prefix) {
            while (!starts_character(piece.back())) piece.pop_back();
            piece.pop_back();
            if (piece.size() > prefix) found = ids_.find(piece);
        }
        known = found != ids_.end();
        if (known) ids->push_back(found->second);
        begin += piece.size() - prefix;
    }
    if (known) return;
    ids->resize(before);
    ids->push_back(unknown_);
}

std::vector<int> Tokenizer::encode(std::string_view text) const {
    std::vector<int> ids{start_};
    const auto limit = static_cast<size_t>(max_pieces_ - 1);
    for (const std::string &word : split_words(text)) {
        if (ids.size() >= limit) break;
        append_pieces(word, &ids);
    }
    ids.resize(std::min(ids.size(), limit));
    ids.push_back(end_);
    return ids;
}
