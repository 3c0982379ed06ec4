// Words, word pieces and sentences that need no model; the threads.

#include "helpers.h"
#include "texts.h"
#include "thread_pool.h"
#include "tokenizer.h"

namespace {

TEST(Words, AreLowerCaseWithoutAccents) {
    EXPECT_EQ(split_words("Cr\u00e8me BR\u00dbL\u00c9E\tna\u00efve"),
              (Strings{"creme", "brulee", "naive"}));
    EXPECT_EQ(split_words("don't (ever) $5"),
              (Strings{"don", "'", "t", "(", "ever", ")", "$", "5"}));
    EXPECT_EQ(split_words("a\u4e2d\u6587b"), (Strings{"a", "\u4e2d", "\u6587", "b"}));
    EXPECT_EQ(split_words(""), Strings{});
}

TEST(Words, DropBytesThatAreNotUtf8) {
    EXPECT_EQ(split_words("a\xff\xc0\x80z \xe4\xb8"), Strings{"az"});
    EXPECT_EQ(split_words(std::string_view("n\0ul \xed\xa0\x80", 8)), Strings{"nul"});
}

TEST(Tokenizer, TakesTheLongestPieceFirst) {
    const TemporaryFile file("[UNK]\n[CLS]\n[SEP]\nun\n##a\n##able\n##ff\n##aff\nu\n");
    const Tokenizer tokenizer(file.path(), 6);
    EXPECT_EQ(tokenizer.size(), 9);
    EXPECT_EQ(tokenizer.encode("unaffable"), (std::vector<int>{1, 3, 7, 5, 2}));
    EXPECT_EQ(tokenizer.encode("unaffix un"), (std::vector<int>{1, 0, 3, 2}));
    EXPECT_EQ(tokenizer.encode("u u u u u u u"), (std::vector<int>{1, 8, 8, 8, 8, 2}));
    EXPECT_EQ(tokenizer.encode("unaffable unaffable"), (std::vector<int>{1, 3, 7, 5, 3, 2}));
    EXPECT_EQ(tokenizer.encode(""), (std::vector<int>{1, 2}));
}

TEST(Tokenizer, NamesWhatTheVocabularyLacks) {
    const TemporaryFile file("[UNK]\n[CLS]\nun\n");
    EXPECT_EQ(complaint([&] { Tokenizer tokenizer(file.path()); }),
              file.path() + ": no line [SEP]");
    EXPECT_EQ(complaint([] { Tokenizer tokenizer("absent"); }), "absent: cannot open");
}

TEST(Sentences, EndWithTheirClosingMarks) {
    EXPECT_EQ(split_sentences("One.  Two\nlines! 'Three?' (Four.)\n\nFive"),
              (Strings{"One.", "Two lines!", "'Three?'", "(Four.)", "Five"}));
    EXPECT_EQ(
        split_sentences("'Oh!' she said. 3.14 is pi... 'Yes.' \u2018No.\u2019 \u201cA.\u201d"),
        (Strings{"'Oh!' she said.", "3.14 is pi...", "'Yes.'", "\u2018No.\u2019",
                 "\u201cA.\u201d"}));
    EXPECT_EQ(split_sentences(" \n\n \t\n"), Strings{});
}

// Everything in each run() has happened when it returns, whatever the number of threads.
TEST(ThreadPool, RunsEachTaskOnce) {
    for (int threads : {1, 2, 7}) {
        const ThreadPool pool(threads);
        EXPECT_EQ(pool.count(), threads);
        for (int tasks : {0, 1, 2, 100}) {
            std::vector<int> runs(static_cast<size_t>(tasks), 0);
            pool.run(tasks, [&](int i) { runs[static_cast<size_t>(i)]++; });
            EXPECT_EQ(runs, std::vector<int>(static_cast<size_t>(tasks), 1));
        }
    }
}

}  // namespace
