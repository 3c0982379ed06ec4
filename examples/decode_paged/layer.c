#include "layer.h"

#include <string.h>

/* splitmix64 of Steele, Lea and Flood. */
uint64_t mix(uint64_t seed, uint64_t index) {
    uint64_t x = seed * 0xd1342543de82ef95u + (index + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static float random_float(uint64_t seed, uint64_t index) { /* in [-1, 1) */
    return (float)(mix(seed, index) >> 40) * 0x1p-23f - 1;
}

static void fill(float *values, size_t count, uint64_t seed, float scale) {
    for (size_t i = 0; i < count; i++) values[i] = scale * random_float(seed, i);
}

void layer_fill(layer *l) {
    const size_t floats = sizeof(float);
    fill(l->embedding[0], sizeof l->embedding / floats, 1, 1);
    /* Makes scores of a standard deviation of about 2: a softmax neither flat nor of one key. */
    fill(l->qkv[0], sizeof l->qkv / floats, 2, 0.375f);
    fill(l->output[0], sizeof l->output / floats, 3, 0.1f);
}

void layer_project(const layer *l, int token, int position, float row[QKV_SIZE]) {
    memset(row, 0, QKV_SIZE * sizeof *row);
    for (int i = 0; i < WIDTH; i++) {
        const uint64_t place = (uint64_t)position * WIDTH + (uint64_t)i;
        const float x = l->embedding[token][i] + random_float(4, place);
        for (int j = 0; j < QKV_SIZE; j++) row[j] += x * l->qkv[i][j];
    }
}

int layer_next_token(const layer *l, const float attention[Q_SIZE]) {
    float hidden[WIDTH] = {0}, best = 0;
    for (int j = 0; j < Q_SIZE; j++) {
        for (int i = 0; i < WIDTH; i++) hidden[i] += attention[j] * l->output[j][i];
    }
    int token = 0;
    for (int t = 0; t < VOCABULARY; t++) {
        float logit = 0;
        for (int i = 0; i < WIDTH; i++) logit += hidden[i] * l->embedding[t][i];
        if (t == 0 || logit > best) best = logit, token = t;
    }
    return token;
}
