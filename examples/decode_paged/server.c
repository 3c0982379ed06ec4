#define _POSIX_C_SOURCE 200809L
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void show_progress(const char *what, int done, int all) {
    if (!isatty(STDERR_FILENO)) return;
    fprintf(stderr, done < all ? "\r%s %d of %d sequences" : "\r\033[K", what, done, all);
}

DLTensor tensor_of(void *data, DLDataTypeCode code, int rank, int64_t *shape, int64_t *strides) {
    return (DLTensor){.data = data,
                      .device = {kDLCPU, 0},
                      .ndim = rank,
                      .dtype = {(uint8_t)code, 32, 1},
                      .shape = shape,
                      .strides = strides};
}

/* Puts q, k and v of each sequence's next `rows` tokens in s->qkv, k and v also in its pages. */
static void project(server *s, int batch, int rows) {
    float *row = s->qkv;
    for (int b = 0; b < batch; b++) {
        sequence *seq = s->batch[b];
        for (int i = 0; i < rows; i++, row += QKV_SIZE) {
            const int t = seq->cached++;
            layer_project(s->layer, seq->tokens[t], t, row);
            pool_store(&s->pool, seq->pages[t / PAGE_SIZE], t % PAGE_SIZE, row);
        }
    }
}

/* Fills kv_len and block_table; returns the columns of the latter. Rows of fewer pages end in -1,
 * which no page has: attention looks at no entry behind those of kv_len keys. */
static int fill_tables(server *s, int batch) {
    int columns = 0;
    for (int b = 0; b < batch; b++) {
        const sequence *seq = s->batch[b];
        s->kv_len[b] = seq->cached;
        if (seq->page_count > columns) columns = seq->page_count;
    }
    for (int b = 0; b < batch; b++) {
        const sequence *seq = s->batch[b];
        int32_t *row = s->block_table + (size_t)b * (size_t)columns;
        for (int i = 0; i < columns; i++) row[i] = i < seq->page_count ? seq->pages[i] : -1;
    }
    return columns;
}

/* The next `rows` tokens of each sequence of the batch, in one call: o of them is in s->o. Row i is
 * at position kv_len - rows + i, so causal is what both a prompt and a single token need. */
static attune_status attend(server *s, int batch, int rows) {
    project(s, batch, rows);
    const int columns = fill_tables(s, batch);
    int64_t q_shape[4] = {batch, rows, HEADS, HEAD_SIZE};
    int64_t q_strides[4] = {(int64_t)rows * QKV_SIZE, QKV_SIZE, HEAD_SIZE, 1};
    int64_t page_shape[4] = {s->pool.count, PAGE_SIZE, KV_HEADS, HEAD_SIZE};
    int64_t table_shape[2] = {batch, columns};
    DLTensor q = tensor_of(s->qkv, kDLFloat, 4, q_shape, q_strides);
    DLTensor k = tensor_of(s->pool.k, kDLFloat, 4, page_shape, NULL);
    DLTensor v = tensor_of(s->pool.v, kDLFloat, 4, page_shape, NULL);
    DLTensor table = tensor_of(s->block_table, kDLInt, 2, table_shape, NULL);
    DLTensor lengths = tensor_of(s->kv_len, kDLInt, 1, table_shape, NULL);
    DLTensor o = tensor_of(s->o, kDLFloat, 4, q_shape, NULL);
    attune_dense_paged_args args;
    attune_dense_paged_defaults(&args);
    args.q = &q, args.k_pages = &k, args.v_pages = &v, args.o = &o;
    args.block_table = &table, args.kv_len = &lengths, args.causal = 1;
    const double start = seconds_now();
    const attune_status status = attune_default_dense_paged(s->context, &args);
    s->attention_seconds += seconds_now() - start;
    return status;
}

static void leave(server *s, sequence *seq, phase phase) {
    while (seq->page_count > 0) pool_give_back(&s->pool, seq->pages[--seq->page_count]);
    seq->cached = 0;
    seq->phase = phase;
}

/* Takes `rows` rows of s->o, from row `first`, as the sequence's: the last makes its next token. */
static void advance(server *s, sequence *seq, int first, int rows) {
    const float *o = s->o + (size_t)first * Q_SIZE;
    if (seq->attention) {
        memcpy(seq->attention + (size_t)(seq->cached - rows) * Q_SIZE, o,
               (size_t)rows * Q_SIZE * sizeof *o);
    }
    seq->tokens[seq->known++] = layer_next_token(s->layer, o + (size_t)(rows - 1) * Q_SIZE);
    s->generated++;
    if (seq->known < seq->prompt + seq->generate) return;
    seq->finished = s->step;
    leave(s, seq, DONE);
}

/* Gives the sequence pages for so many tokens; false if there are too few. */
static bool reserve(server *s, sequence *seq, int tokens) {
    while (seq->page_count < pages_for(tokens)) {
        const int32_t page = pool_take(&s->pool);
        if (page < 0) return false;
        seq->pages[seq->page_count++] = page;
        if (seq->page_count > seq->most_pages) seq->most_pages = seq->page_count;
    }
    return true;
}

/* Makes s->batch all that run, oldest first. */
static int gather(server *s) {
    int running = 0;
    for (int i = 0; i < s->settings.sequences; i++) {
        if (s->sequences[i].phase == RUNNING) s->batch[running++] = &s->sequences[i];
    }
    return running;
}

/* A page for each running sequence whose last one is full. If none is free, the youngest sequence
 * waits again: its pages help the older ones to their end, and its tokens, those generated too, are
 * prefilled once more. */
static void grow(server *s) {
    int running = gather(s);
    for (int i = 0; i < running; i++) {
        while (i < running && !reserve(s, s->batch[i], s->batch[i]->known)) {
            sequence *youngest = s->batch[--running];
            youngest->preempted++;
            leave(s, youngest, WAITING);
        }
    }
}

/* Prefills sequences that wait, first come first served, while there is room for them. */
static attune_status admit(server *s) {
    int running = gather(s);
    for (int i = 0; i < s->settings.sequences && running < s->settings.batch; i++) {
        sequence *seq = &s->sequences[i];
        if (seq->phase != WAITING) continue;
        /* One token more, as it decodes in this step. */
        if (seq->arrives > s->step || s->pool.free_count < pages_for(seq->known + 1)) break;
        reserve(s, seq, seq->known + 1);
        if (seq->started < 0) seq->started = s->step;
        seq->phase = RUNNING;
        s->batch[0] = seq;
        const int rows = seq->known;
        const attune_status status = attend(s, 1, rows);
        if (status) return status;
        s->prefilled += rows;
        advance(s, seq, 0, rows);
        running += seq->phase == RUNNING;
    }
    return ATTUNE_OK;
}

static attune_status decode(server *s) {
    const int running = gather(s);
    if (running == 0) return ATTUNE_OK;
    const attune_status status = attend(s, running, 1);
    if (status) return status;
    for (int b = 0; b < running; b++) advance(s, s->batch[b], b, 1);
    return ATTUNE_OK;
}

static int count_done(const server *s) {
    int done = 0;
    for (int i = 0; i < s->settings.sequences; i++) done += s->sequences[i].phase == DONE;
    return done;
}

attune_status server_run(server *s) {
    const int all = s->settings.sequences;
    const double start = seconds_now();
    attune_status status = ATTUNE_OK;
    int done = 0, shown = -1;
    for (; !status && done < all; s->step++) {
        if (shown < done) show_progress("decoded", shown = done, all);
        /* Growth comes first, so that no prompt is computed and dropped in the same step. */
        grow(s);
        status = admit(s);
        if (!status) status = decode(s);
        done = count_done(s);
    }
    s->seconds = seconds_now() - start;
    show_progress("decoded", all, all);
    return status;
}
