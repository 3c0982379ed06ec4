// What makes a library of tables a pack: it registers itself when it is loaded.
#include "fake_pack.h"

__attribute__((constructor)) static void register_pack() { attune_register_pack(&fake::pack); }
