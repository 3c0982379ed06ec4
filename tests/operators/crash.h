// Says which call a crash happened in: a kernel that reads outside its tensors ends the program.
#ifndef ATTUNE_TESTS_OPERATORS_CRASH_H
#define ATTUNE_TESTS_OPERATORS_CRASH_H

#include <string>

namespace attune::tests {

// What runs from now on; written to stderr when the program dies of a signal.
void now_running(const std::string &what);

}  // namespace attune::tests
#endif
