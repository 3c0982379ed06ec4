// NumPy's .npy files of float32, int32 and uint8 arrays, through xtensor.
#ifndef ATTUNE_CLI_NPY_H
#define ATTUNE_CLI_NPY_H

#include "array.h"

#include <string>

namespace tool {

// In C order, whatever the file's. Throws Fault(CALL_WRONG) that names the file if it is missing,
// truncated, malformed, or of another element type.
Array read_npy(const std::string &path);

// float32, int32 or uint8 in C order. Throws Fault(MACHINE_FAILED) if it cannot be written whole.
void write_npy(const std::string &path, const Array &array);

}  // namespace tool
#endif
