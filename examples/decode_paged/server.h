/* Continuous batching: at each step every running sequence gets one token, sequences that have all
 * of theirs leave, and those that wait take their place and their pages. */
#ifndef SERVER_H
#define SERVER_H

#include <attune_default.h>

#include "pages.h"

typedef enum phase { WAITING, RUNNING, DONE } phase;

typedef struct sequence {
    int arrives, started, finished; /* steps */
    int prompt, generate;           /* tokens */
    phase phase;
    int32_t *tokens; /* `known` of them: the prompt's and those generated so far */
    int known, cached;
    int32_t *pages; /* page of each PAGE_SIZE tokens */
    int page_count, most_pages, preempted;
    float *attention; /* [known, HEADS, HEAD_SIZE] as first used, for the check; else NULL */
} sequence;

typedef struct settings {
    int sequences, batch, pages, prompt, generate, threads; /* prompt, generate: at most */
    bool check;
} settings;

typedef struct server {
    settings settings;
    attune_context *context;
    layer *layer;
    page_pool pool;
    sequence *sequences; /* in order of arrival: running ones stand before waiting ones */
    sequence **batch;
    float *qkv, *o; /* rows of a call */
    int32_t *block_table, *kv_len;
    int step, prefilled, generated;
    double seconds, attention_seconds;
} server;

double seconds_now(void);

/* On a terminal one line that counts up; silent in a pipe. */
void show_progress(const char *what, int done, int all);

DLTensor tensor_of(void *data, DLDataTypeCode code, int rank, int64_t *shape, int64_t *strides);

bool server_create(server *server, const settings *settings); /* false: out of memory */
void server_destroy(server *server);

/* Until all sequences are done. */
attune_status server_run(server *server);

/* The largest difference, as a share of the largest |v|, between what a sequence's tokens got from
 * the cache and one causal call of dense attention on all of the sequence. */
attune_status check_sequence(server *server, const sequence *sequence, double *difference);

#endif
