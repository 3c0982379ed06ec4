// What the tests share.
#ifndef SENTENCE_EMBEDDING_TESTS_HELPERS_H
#define SENTENCE_EMBEDDING_TESTS_HELPERS_H

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "bad_input.h"

using Strings = std::vector<std::string>;

// A file that lives as long as the test.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string &content) {
        const auto *test = testing::UnitTest::GetInstance()->current_test_info();
        path_ = testing::TempDir() + "sentence_embedding_" + test->name();
        std::ofstream(path_, std::ios::binary) << content;
    }
    ~TemporaryFile() { std::remove(path_.c_str()); }
    const std::string &path() const { return path_; }

private:
    std::string path_;
};

// What the call's BadInput says; "" if it throws none.
template <typename Call>
std::string complaint(const Call &call) {
    try {
        call();
    } catch (const BadInput &error) {
        return error.what();
    }
    return "";
}

#endif
