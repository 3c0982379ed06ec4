// The weights of all-MiniLM-L6-v2, in the shapes that the encoder multiplies with.
#ifndef SENTENCE_EMBEDDING_WEIGHTS_H
#define SENTENCE_EMBEDDING_WEIGHTS_H

#include <Eigen/Core>
#include <vector>

#include "safetensors.h"

constexpr int kLayers = 6, kHeads = 12, kWidth = 384, kInner = 1536;
constexpr int kVocabulary = 30522, kPositions = 512;

/// One row a token or a sequence, C order.
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Linear {
    Rows weight;  // [out, in]
    Eigen::RowVectorXf bias;
};

struct Norm {
    Eigen::RowVectorXf scale, shift;
};

struct Layer {
    Linear qkv;  // [3 * kWidth, kWidth]: query, key, value
    Linear attended, up, down;
    Norm attention_norm, output_norm;
};

struct Weights {
    /// file: model.safetensors. Throws BadInput if a tensor is missing or has another shape.
    explicit Weights(Safetensors &file);

    Rows words, positions, types;
    Norm embedding_norm;
    std::vector<Layer> layers;
};

#endif
