#include "pages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool pool_create(page_pool *pool, int count, bool poison) {
    const size_t n = (size_t)count;
    *pool = (page_pool){.count = count, .least_free = count, .poison = poison};
    pool->k = calloc(n * PAGE_FLOATS, sizeof *pool->k);
    pool->v = calloc(n * PAGE_FLOATS, sizeof *pool->v);
    pool->free_pages = calloc(n, sizeof *pool->free_pages);
    if (!pool->k || !pool->v || !pool->free_pages) return false;
    for (int32_t page = count - 1; page >= 0; page--) pool_give_back(pool, page);
    return true;
}

void pool_destroy(page_pool *pool) {
    free(pool->k);
    free(pool->v);
    free(pool->free_pages);
}

int32_t pool_take(page_pool *pool) {
    if (pool->free_count == 0) return -1;
    const int32_t page = pool->free_pages[--pool->free_count];
    if (pool->free_count < pool->least_free) pool->least_free = pool->free_count;
    return page;
}

void pool_give_back(page_pool *pool, int32_t page) {
    pool->free_pages[pool->free_count++] = page;
    if (!pool->poison) return;
    const size_t first = (size_t)page * PAGE_FLOATS;
    for (size_t i = first; i < first + PAGE_FLOATS; i++) pool->k[i] = pool->v[i] = NAN;
}

void pool_store(page_pool *pool, int32_t page, int slot, const float row[QKV_SIZE]) {
    const size_t at = ((size_t)page * PAGE_SIZE + (size_t)slot) * KV_SIZE;
    memcpy(pool->k + at, row + Q_SIZE, KV_SIZE * sizeof *row);
    memcpy(pool->v + at, row + Q_SIZE + KV_SIZE, KV_SIZE * sizeof *row);
}
