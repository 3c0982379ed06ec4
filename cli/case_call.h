// From a case folder to a call of a pack.
#ifndef ATTUNE_CLI_CASE_CALL_H
#define ATTUNE_CLI_CASE_CALL_H

#include "call.h"
#include "case_file.h"

#include <memory>

namespace tool {

// Inputs read, storage tensors rounded to `storage`, and outputs allocated: those that the case
// asks for and those that are not optional. Throws Fault(CALL_WRONG) for what the variant does not
// know or the files do not hold.
std::unique_ptr<Call> make_call(const Case &description, const attune_pack *pack,
                                attune_dtype storage);

}  // namespace tool
#endif
