// An empty pack of the ABI version and name given on the command line.
#include <attune_pack.h>

extern "C" __attribute__((visibility("default")))
const attune_pack twin_pack = {TINY_PACK_ABI, "twin", "0", 0, 0, nullptr, nullptr};

__attribute__((constructor)) static void register_pack() { attune_register_pack(&twin_pack); }
