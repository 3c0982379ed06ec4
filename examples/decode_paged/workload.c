#include <stdlib.h>

#include "server.h"

static bool sequence_create(sequence *seq, const settings *settings, int index) {
    const uint64_t i = (uint64_t)index;
    seq->prompt = 1 + (int)(mix(10, i) % (uint64_t)settings->prompt);
    seq->generate = 1 + (int)(mix(11, i) % (uint64_t)settings->generate);
    seq->known = seq->prompt;
    seq->started = -1;
    const size_t tokens = (size_t)seq->prompt + (size_t)seq->generate;
    seq->tokens = calloc(tokens, sizeof *seq->tokens);
    seq->pages = calloc((size_t)pages_for((int)tokens), sizeof *seq->pages);
    if (settings->check) seq->attention = calloc(tokens * Q_SIZE, sizeof *seq->attention);
    if (!seq->tokens || !seq->pages || (settings->check && !seq->attention)) return false;
    for (int t = 0; t < seq->prompt; t++) {
        seq->tokens[t] = (int32_t)(mix(13 + i, (uint64_t)t) % VOCABULARY);
    }
    return true;
}

bool server_create(server *s, const settings *settings) {
    *s = (server){.settings = *settings};
    const size_t count = (size_t)settings->sequences, batch = (size_t)settings->batch;
    const size_t longest = (size_t)settings->prompt + (size_t)settings->generate;
    const size_t rows = batch > longest ? batch : longest;
    s->layer = malloc(sizeof *s->layer);
    s->sequences = calloc(count, sizeof *s->sequences);
    s->batch = calloc(count, sizeof *s->batch);
    s->qkv = calloc(rows * QKV_SIZE, sizeof *s->qkv);
    s->o = calloc(rows * Q_SIZE, sizeof *s->o);
    s->block_table = calloc(batch * (size_t)pages_for((int)longest), sizeof *s->block_table);
    s->kv_len = calloc(batch, sizeof *s->kv_len);
    if (!s->layer || !s->sequences || !s->batch || !s->qkv || !s->o || !s->block_table ||
        !s->kv_len || !pool_create(&s->pool, settings->pages, settings->check)) {
        return false;
    }
    layer_fill(s->layer);
    int arrives = 0;
    for (int i = 0; i < settings->sequences; i++) {
        if (!sequence_create(&s->sequences[i], settings, i)) return false;
        s->sequences[i].arrives = arrives;
        arrives += (int)(mix(12, (uint64_t)i) % 16);
    }
    return true;
}

void server_destroy(server *s) {
    for (int i = 0; s->sequences && i < s->settings.sequences; i++) {
        free(s->sequences[i].tokens);
        free(s->sequences[i].pages);
        free(s->sequences[i].attention);
    }
    attune_context_destroy(s->context);
    pool_destroy(&s->pool);
    free(s->layer);
    free(s->sequences);
    free(s->batch);
    free(s->qkv);
    free(s->o);
    free(s->block_table);
    free(s->kv_len);
}
