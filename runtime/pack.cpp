/* The packs of this process. */
#include <dlfcn.h>
#include <link.h>

#include "attune_pack.h"
#include "error.h"
#include "sync.h"

namespace attune {

static constexpr int kMaxPacks = 256;

static Mutex mutex;
static const attune_pack *packs[kMaxPacks];  // also those of another ABI version
static int count;

static bool is_usable(const attune_pack *pack) { return pack->abi_version == ATTUNE_ABI_VERSION; }

static void add(const attune_pack *pack) {
    Lock lock(mutex);
    for (int i = 0; i < count; i++) {
        if (packs[i] == pack) return;
    }
    if (count < kMaxPacks) packs[count++] = pack;
}

/* The pack whose tables are inside a loaded library, however that came to be loaded. */
static const attune_pack *pack_in(void *library) {
    link_map *map;
    if (dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) return nullptr;
    Lock lock(mutex);
    for (int i = 0; i < count; i++) {
        Dl_info info;
        link_map *home;
        if (!dladdr1(packs[i], &info, reinterpret_cast<void **>(&home), RTLD_DL_LINKMAP)) continue;
        if (home == map) return packs[i];
    }
    return nullptr;
}

static attune_status load(const char *path, const attune_pack **pack) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return fail(ATTUNE_BAD_PACK, "%s: %s", path, dlerror());
    const attune_pack *found = pack_in(library);
    if (found && is_usable(found)) return *pack = found, ATTUNE_OK;  // stays loaded
    if (found) {
        // Registered, so it stays loaded as well.
        return fail(ATTUNE_BAD_PACK, "%s: the pack has ABI version %d; this library has %d", path,
                    found->abi_version, ATTUNE_ABI_VERSION);
    }
    dlclose(library);
    return fail(ATTUNE_BAD_PACK, "%s: the library registers no pack", path);
}

}  // namespace attune

extern "C" {

void attune_register_pack(const attune_pack *pack) {
    if (pack) attune::add(pack);
}

const attune_pack *attune_pack_at(int index) {
    attune::Lock lock(attune::mutex);
    for (int i = 0; i < attune::count && index >= 0; i++) {
        if (attune::is_usable(attune::packs[i]) && index-- == 0) return attune::packs[i];
    }
    return nullptr;
}

attune_status attune_pack_load(const char *path, const attune_pack **pack) {
    if (!pack) return attune::fail(ATTUNE_NULL_ARGUMENT, "pack is NULL");
    *pack = nullptr;
    if (!path) return attune::fail(ATTUNE_NULL_ARGUMENT, "path is NULL");
    return attune::load(path, pack);
}

}  // extern "C"
