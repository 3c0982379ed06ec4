#ifndef ATTUNE_MEMORY_H
#define ATTUNE_MEMORY_H

#include <stddef.h>

#include "attune.h"
#include "sync.h"

namespace attune {

struct Block;

/* Scratch memory of a context: freed blocks wait in lists by size and are handed out again, so that
 * calls stop allocating once every size has been seen. Any thread may take and give. */
class Scratch {
public:
    void init(const attune_options &options);
    void release_all();  // every block must have been given back

    void *take(size_t bytes);  // 64-byte aligned; NULL: the allocator returned NULL
    static void give(void *memory);

private:
    static constexpr int kClasses = 4 * 64;  // four sizes an octave: at most a quarter is wasted

    Block *allocate(int size_class);

    Mutex mutex_;
    Block *free_[kClasses] = {};
    unsigned allocated_ = 0;
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
