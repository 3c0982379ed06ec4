#include "weights.h"

namespace {

Rows load_rows(Safetensors &file, const std::string &name, int rows, int columns) {
    const std::vector<float> values = file.floats(name, {rows, columns});
    return Eigen::Map<const Rows>(values.data(), rows, columns);
}

Eigen::RowVectorXf load_row(Safetensors &file, const std::string &name, int columns) {
    const std::vector<float> values = file.floats(name, {columns});
    return Eigen::Map<const Eigen::RowVectorXf>(values.data(), columns);
}

Linear load_linear(Safetensors &file, const std::string &name, int out, int in) {
    return {load_rows(file, name + ".weight", out, in), load_row(file, name + ".bias", out)};
}

Norm load_norm(Safetensors &file, const std::string &name) {
    return {load_row(file, name + ".weight", kWidth), load_row(file, name + ".bias", kWidth)};
}

// The three projections as one product, whose result Attune reads with strides.
Linear load_qkv(Safetensors &file, const std::string &name) {
    Linear qkv{Rows(3 * kWidth, kWidth), Eigen::RowVectorXf(3 * kWidth)};
    int row = 0;
    for (const char *part : {"query", "key", "value"}) {
        const Linear one = load_linear(file, name + part, kWidth, kWidth);
        qkv.weight.middleRows(row, kWidth) = one.weight;
        qkv.bias.segment(row, kWidth) = one.bias;
        row += kWidth;
    }
    return qkv;
}

Layer load_layer(Safetensors &file, const std::string &name) {
    Layer layer;
    layer.qkv = load_qkv(file, name + "attention.self.");
    layer.attended = load_linear(file, name + "attention.output.dense", kWidth, kWidth);
    layer.attention_norm = load_norm(file, name + "attention.output.LayerNorm");
    layer.up = load_linear(file, name + "intermediate.dense", kInner, kWidth);
    layer.down = load_linear(file, name + "output.dense", kWidth, kInner);
    layer.output_norm = load_norm(file, name + "output.LayerNorm");
    return layer;
}

}  // namespace

Weights::Weights(Safetensors &file) {
    words = load_rows(file, "embeddings.word_embeddings.weight", kVocabulary, kWidth);
    positions = load_rows(file, "embeddings.position_embeddings.weight", kPositions, kWidth);
    types = load_rows(file, "embeddings.token_type_embeddings.weight", 2, kWidth);
    embedding_norm = load_norm(file, "embeddings.LayerNorm");
    for (int i = 0; i < kLayers; i++) {
        layers.push_back(load_layer(file, "encoder.layer." + std::to_string(i) + "."));
    }
}
