#include "memory.h"

#include <stdint.h>
#include <stdlib.h>

#include "threads.h"

namespace attune {

static_assert(sizeof(Block) <= kAlignment, "the header must fit before the memory");

static void *default_allocate(void *, size_t bytes) {
    if (bytes > SIZE_MAX - kAlignment) return nullptr;
    return aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
}

static void default_release(void *, void *memory) { free(memory); }

/* Class c = 4 e + s holds blocks of (4 + s) 2^(e - 2) bytes, s in 0..3. */
static size_t class_bytes(int size_class) {
    const int octave = size_class / 4;
    const size_t quarters = 4 + size_class % 4;
    return octave >= 2 ? quarters << (octave - 2) : quarters >> (2 - octave);
}

static int class_of(size_t bytes) {
    if (bytes < kAlignment) bytes = kAlignment;
    const int octave = 63 - __builtin_clzll(bytes);
    const int size_class = 4 * octave + int((bytes >> (octave - 2)) & 3);
    return class_bytes(size_class) < bytes ? size_class + 1 : size_class;
}

void Scratch::init(const attune_options &options) {
    allocate_ = options.allocate ? options.allocate : default_allocate;
    release_ = options.allocate ? options.release : default_release;
    user_ = options.allocate ? options.memory_user : nullptr;
}

/* Large blocks start at different offsets of a page: tiles of several threads or arrays at equal
 * offsets would compete for the same sets of the first-level cache. */
Block *Scratch::allocate(int size_class) {
    const size_t bytes = class_bytes(size_class);
    const size_t stagger = bytes >= 4096 ? (allocated_++ % 16) * 4 * kAlignment : 0;
    const size_t total = bytes + stagger + 2 * kAlignment;
    if (total < bytes || total > size_t(PTRDIFF_MAX)) return nullptr;
    void *base = allocate_(user_, total);
    if (!base) return nullptr;
    const uintptr_t start = reinterpret_cast<uintptr_t>(base) + stagger + kAlignment - 1;
    Block *block = reinterpret_cast<Block *>(start / kAlignment * kAlignment);
    block->owner = this;
    block->base = base;
    block->size_class = size_class;
    return block;
}

/* Workers of a pool have shelves apart from each other's and from those of its callers, which are
 * numbered in the process. */
unsigned Scratch::own_shelf() {
    constexpr unsigned kHalf = kShelves / 2;
    if (const int worker = worker_number()) return unsigned(worker) % kHalf;
    static std::atomic<unsigned> callers{0};
    static thread_local const unsigned caller = callers.fetch_add(1, std::memory_order_relaxed);
    return kHalf + caller % kHalf;
}

Block *Scratch::Shelf::take(int size_class) {
    Lock lock(mutex);
    for (Block **link = &free; *link; link = &(*link)->next) {
        Block *block = *link;
        if (block->size_class != size_class) continue;
        *link = block->next;
        return block;
    }
    return nullptr;
}

void *Scratch::take(size_t bytes) {
    if (bytes > size_t(PTRDIFF_MAX)) return nullptr;
    const int size_class = class_of(bytes);
    const unsigned own = own_shelf();
    Block *block = nullptr;
    for (unsigned i = 0; i < kShelves && !block; i++) {
        block = shelf_[(own + i) % kShelves].take(size_class);
    }
    if (!block) block = allocate(size_class);
    return block ? memory_of(block) : nullptr;
}

void Scratch::give(void *memory) {
    Block *block = block_of(memory);
    Shelf &own = block->owner->shelf_[own_shelf()];
    Lock lock(own.mutex);
    block->next = own.free;
    own.free = block;
}

void Scratch::release_all() {
    for (Shelf &shelf : shelf_) {
        while (Block *block = shelf.free) {
            shelf.free = block->next;
            release_(user_, block->base);
        }
    }
}

}  // namespace attune
