#include "texts.h"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <sstream>

#include "bad_input.h"

namespace {

const char *const kClosing[] = {"\"", "'", ")", "]", "\u2019", "\u201d", "\u00bb"};
const char *const kOpening[] = {"\"", "'", "(", "[", "`", "\u2018", "\u201c", "\u00ab", " "};

// Bytes of the mark that the text has at `at`, 0 if none.
template <size_t N>
size_t mark_at(const std::string &text, size_t at, const char *const (&marks)[N]) {
    for (const std::string mark : marks) {
        if (text.compare(at, mark.size(), mark) == 0) return mark.size();
    }
    return 0;
}

// If a sentence ends with the . ! or ? at `at`: where, its closing marks included; else 0.
size_t sentence_end(const std::string &text, size_t at) {
    size_t end = at + 1;
    while (size_t bytes = mark_at(text, end, kClosing)) end += bytes;
    if (end == text.size()) return end;
    if (text[end] != ' ') return 0;
    size_t next = end;
    while (size_t bytes = mark_at(text, next, kOpening)) next += bytes;
    const bool lower = next < text.size() && text[next] >= 'a' && text[next] <= 'z';
    return lower ? 0 : end;
}

void split_paragraph(const std::string &text, std::vector<std::string> *sentences) {
    size_t begin = 0;
    for (size_t i = text.find_first_of(".!?"); i < text.size();
         i = text.find_first_of(".!?", i + 1)) {
        const size_t end = i < begin ? 0 : sentence_end(text, i);
        if (end == 0) continue;
        sentences->push_back(text.substr(begin, end - begin));
        begin = end + 1;  // past the space
    }
    if (begin < text.size()) sentences->push_back(text.substr(begin));
}

}  // namespace

std::string read_file(const std::string &path) {
    std::ifstream file(path);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) throw BadInput(path + ": cannot read, or empty");
    const std::string content = text.str();
    if (content.find('\0') != std::string::npos) throw BadInput(path + ": not a text: a NUL byte");
    return content;
}

std::vector<std::string> split_sentences(const std::string &text) {
    std::vector<std::string> sentences;
    std::istringstream lines(text);
    std::string line, paragraph;
    const auto end_paragraph = [&] {
        split_paragraph(paragraph, &sentences);
        paragraph.clear();
    };
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string word;
        bool blank = true;
        for (; words >> word; blank = false) paragraph += (paragraph.empty() ? "" : " ") + word;
        if (blank) end_paragraph();
    }
    end_paragraph();
    return sentences;
}

Embedded embed_texts(const std::vector<std::string> &texts, const Tokenizer &tokenizer,
                     Encoder &encoder, int batch, const std::function<void(size_t)> &progress) {
    std::vector<std::vector<int>> ids;
    for (const std::string &text : texts) ids.push_back(tokenizer.encode(text));
    std::vector<size_t> order(texts.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return ids[a].size() < ids[b].size(); });

    Embedded embedded;
    embedded.rows.resize(static_cast<Eigen::Index>(texts.size()), kWidth);
    for (size_t first = 0; first < order.size();) {
        const size_t last = std::min(order.size(), first + static_cast<size_t>(batch));
        std::vector<std::vector<int>> sequences;
        for (size_t i = first; i < last; i++) sequences.push_back(ids[order[i]]);
        const Rows rows = encoder.encode(sequences);
        for (size_t i = first; i < last; i++) {
            embedded.rows.row(static_cast<Eigen::Index>(order[i])) =
                rows.row(static_cast<Eigen::Index>(i - first));
            embedded.tokens += static_cast<int64_t>(ids[order[i]].size());
        }
        first = last;
        progress(last);
    }
    return embedded;
}
