// Where packs and the other programs of an installation are.
#ifndef ATTUNE_CLI_PACK_FILE_H
#define ATTUNE_CLI_PACK_FILE_H

#include "attune_pack.h"

#include <string>
#include <vector>

namespace tool {

std::string program_folder();  // of this executable

// The files that are tried if no --pack is given, the first that exists wins: ATTUNE_PACK of the
// environment (then only that), the build's own pack, the installed one.
std::vector<std::string> default_packs();

// `given`: of --pack, or empty. Throws Fault: CALL_WRONG if the file is missing, PACK_CANNOT if
// there is no pack at all.
std::string pack_path(const std::string &given);
const attune_pack *load_pack(const std::string &path);

// Path of attune-bench or attune-generate: beside this program or in ../libexec/attune; else "".
std::string sibling_program(const std::string &name);

}  // namespace tool
#endif
