#ifndef ATTUNE_MEMORY_H
#define ATTUNE_MEMORY_H

#include <stddef.h>

#include <atomic>

#include "attune.h"
#include "sync.h"

namespace attune {

struct Block;

/* Scratch memory of a context: freed blocks are kept and handed out again, so that calls stop
 * allocating once every size has been seen. Any thread may take and give.
 *
 * A thread gets what it gave back itself before it gets what another one wrote: those lines are in
 * the other core's cache. With one list for all, two threads whose tasks ended at the same time
 * swapped blocks of 100 KB at each task of 0.5 ms, which then took up to 1.4 times as long. */
class Scratch {
public:
    void init(const attune_options &options);
    void release_all();  // every block must have been given back

    void *take(size_t bytes);  // 64-byte aligned; NULL: the allocator returned NULL
    static void give(void *memory);

private:
    /* Free blocks of a few threads, of one in small pools; the last given first. */
    struct alignas(64) Shelf {
        Mutex mutex;
        Block *free = nullptr;

        Block *take(int size_class);
    };
    static constexpr unsigned kShelves = 128;

    static unsigned own_shelf();
    Block *allocate(int size_class);

    Shelf shelf_[kShelves];
    std::atomic<unsigned> allocated_{0};
    void *(*allocate_)(void *user, size_t bytes) = nullptr;
    void (*release_)(void *user, void *memory) = nullptr;
    void *user_ = nullptr;
};

/* The block before a pointer that take() returned. Whoever holds it may use `next` and `prev`. */
struct Block {
    Block *next, *prev;
    Scratch *owner;
    void *base;  // what the allocator returned
    int size_class;
};

constexpr size_t kAlignment = 64;

inline void *memory_of(Block *block) { return reinterpret_cast<char *>(block) + kAlignment; }
inline Block *block_of(void *memory) {
    return reinterpret_cast<Block *>(static_cast<char *>(memory) - kAlignment);
}

}  // namespace attune
#endif
