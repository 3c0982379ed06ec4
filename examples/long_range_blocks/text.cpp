#include "text.h"

#include "bad_input.h"
#include "random_weights.h"
#include "texts.h"
#include "tokenizer.h"

Rows embedded_text(const std::string &model, const std::string &text, int64_t tokens) {
    const std::vector<int> ids =
        Tokenizer(model + "/vocab.txt", static_cast<int>(tokens) + 1).encode(read_file(text));
    if (static_cast<int64_t>(ids.size()) <= tokens)
        throw BadInput(text + ": " + std::to_string(ids.size()) +
                       " word pieces, expected more than " + std::to_string(tokens));
    Safetensors file(model + "/model.safetensors");
    const auto floats = [&](const std::string &name, const std::vector<int64_t> &shape) {
        return file.floats("embeddings." + name, shape);
    };
    const std::vector<float> words = floats("word_embeddings.weight", {kVocabulary, kWidth});
    const std::vector<float> scale = floats("LayerNorm.weight", {kWidth});
    const std::vector<float> shift = floats("LayerNorm.bias", {kWidth});
    Rows x(tokens, kWidth);
    for (int64_t i = 0; i < tokens; i++) {
        const int id = ids[static_cast<size_t>(i)];
        if (id >= kVocabulary) throw BadInput(model + "/vocab.txt: more lines than the model has");
        x.row(i) =
            Eigen::Map<const Eigen::RowVectorXf>(words.data() + int64_t{id} * kWidth, kWidth);
    }
    const Eigen::Map<const Eigen::RowVectorXf> gain(scale.data(), kWidth),
        bias(shift.data(), kWidth);
    return normalized(x, {gain, bias}, 1e-12f);
}
