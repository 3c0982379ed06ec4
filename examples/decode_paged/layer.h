/* Stands in for a model, so that the example needs no file: one layer of random weights that turns
 * a token at a position into q, k and v, and a row of attention into the next token. */
#ifndef LAYER_H
#define LAYER_H

#include <stdint.h>

enum {
    VOCABULARY = 256,
    WIDTH = 64, /* of an embedding */
    HEADS = 8,
    KV_HEADS = 2, /* four query heads share a key head */
    HEAD_SIZE = 64,
    Q_SIZE = HEADS * HEAD_SIZE,
    KV_SIZE = KV_HEADS * HEAD_SIZE,
    QKV_SIZE = Q_SIZE + 2 * KV_SIZE /* q, k and v of a token lie in one row */
};

typedef struct layer {
    float embedding[VOCABULARY][WIDTH];
    float qkv[WIDTH][QKV_SIZE];
    float output[Q_SIZE][WIDTH];
} layer;

/* The same number for the same arguments on every machine. The layer has seeds below 10. */
uint64_t mix(uint64_t seed, uint64_t index);

void layer_fill(layer *layer);
void layer_project(const layer *layer, int token, int position, float row[QKV_SIZE]);
int layer_next_token(const layer *layer, const float attention[Q_SIZE]);

#endif
