// Errors of the command-line programs: an exit status and one line that names what and why.
#ifndef ATTUNE_CLI_FAULT_H
#define ATTUNE_CLI_FAULT_H

#include "attune.h"

#include <stdexcept>
#include <string>

namespace tool {

enum ExitStatus {
    DONE = 0,
    MACHINE_FAILED = 1,  // memory, disk, device
    CALL_WRONG = 2,      // unknown name, malformed file, wrong dtype or shape
    PACK_CANNOT = 3      // no kernel, target or part of the installation for it
};

struct Fault : std::runtime_error {
    ExitStatus status;
    Fault(ExitStatus status, const std::string &line);
};

ExitStatus exit_status(attune_status status);

// Throws what libattune says about a call that failed; `what` names the call.
void check(attune_status status, const std::string &what);

// Runs a program's body. A fault becomes its status and one line on stderr, "PROGRAM: line".
int guarded(const std::string &program, int (*body)(int, char **), int argc, char **argv);

}  // namespace tool
#endif
