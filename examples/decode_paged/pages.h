/* The cache: pages of keys and values, of which each belongs to one sequence or is free. */
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "layer.h"

enum { PAGE_SIZE = 16 /* keys in a page */, PAGE_FLOATS = PAGE_SIZE * KV_SIZE };

typedef struct page_pool {
    float *k, *v; /* [count, PAGE_SIZE, KV_HEADS, HEAD_SIZE] */
    int count;
    int32_t *free_pages; /* a stack: the page given back last is the warmest in the CPU's caches */
    int free_count, least_free;
    bool poison; /* free pages hold NaN, so that a result made of one would show */
} page_pool;

bool pool_create(page_pool *pool, int count, bool poison); /* false: out of memory */
void pool_destroy(page_pool *pool);

int32_t pool_take(page_pool *pool); /* -1: none is free */
void pool_give_back(page_pool *pool, int32_t page);

/* Keys and values of a token from its row of q, k and v. */
void pool_store(page_pool *pool, int32_t page, int slot, const float row[QKV_SIZE]);

static inline int pages_for(int tokens) { return (tokens + PAGE_SIZE - 1) / PAGE_SIZE; }

#endif
