// The real model against the values of reference/make_reference.py. Skipped without its folder.

#include <filesystem>
#include <nlohmann/json.hpp>

#include "encoder.h"
#include "helpers.h"
#include "texts.h"
#include "tokenizer.h"

using nlohmann::json;

namespace {

class Model : public testing::Test {
protected:
    void SetUp() override {
        if (!std::filesystem::exists(MODEL_DIR "/model.safetensors")) {
            GTEST_SKIP() << "no model in " MODEL_DIR ": run fetch_model.sh";
        }
        reference_ = json::parse(read_file(REFERENCE_DIR "/embeddings.json"));
        for (const json &row : reference_) texts_.push_back(row["text"]);
    }

    Rows embed(int batch, int threads) const {
        const ThreadPool pool(threads);
        Safetensors file(MODEL_DIR "/model.safetensors");
        Encoder encoder(Weights(file), pool);
        const Tokenizer tokenizer(MODEL_DIR "/vocab.txt");
        return embed_texts(texts_, tokenizer, encoder, batch, [](size_t) {}).rows;
    }

    json reference_;
    Strings texts_;
};

TEST_F(Model, TokenIds) {
    const Tokenizer tokenizer(MODEL_DIR "/vocab.txt");
    const json reference = json::parse(read_file(REFERENCE_DIR "/token_ids.json"));
    EXPECT_GE(reference.size(), 40u);
    for (const json &row : reference) {
        const auto text = row["text"].get<std::string>();
        EXPECT_EQ(tokenizer.encode(text), row["ids"].get<std::vector<int>>()) << text;
    }
}

TEST_F(Model, Embeddings) {
    const Rows rows = embed(4, 2);
    for (size_t i = 0; i < texts_.size(); i++) {
        const auto values = reference_[i]["embedding"].get<std::vector<float>>();
        const Eigen::Map<const Eigen::RowVectorXf> expected(values.data(), kWidth);
        const auto row = rows.row(static_cast<int64_t>(i));
        EXPECT_LT((row - expected).cwiseAbs().maxCoeff(), 1e-5f) << texts_[i];
    }
}

TEST_F(Model, PaddingAndThreadsDoNotCount) {
    const Rows alone = embed(1, 1);
    EXPECT_LT((alone - embed(64, 1)).cwiseAbs().maxCoeff(), 1e-6f);
    EXPECT_EQ(alone, embed(1, 3));
}

TEST_F(Model, BadSequences) {
    const ThreadPool pool(1);
    Safetensors file(MODEL_DIR "/model.safetensors");
    Encoder encoder(Weights(file), pool);
    EXPECT_EQ(encoder.encode({}).rows(), 0);
    EXPECT_EQ(complaint([&] {
                  encoder.encode({{101, 102}, {}});
              }),
              "a sequence has 0 tokens, not 1 to 512");
    EXPECT_EQ(complaint([&] { encoder.encode({std::vector<int>(513, 101)}); }),
              "a sequence has 513 tokens, not 1 to 512");
    EXPECT_EQ(complaint([&] {
                  encoder.encode({{101, 30522}});
              }),
              "token id 30522 is not in 0 to 30521");
}

}  // namespace
