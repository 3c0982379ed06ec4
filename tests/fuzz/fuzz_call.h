// One call of the C API decoded from bytes: a legal call of some variant, then a few changes that
// may make it illegal. What the bytes claim to be memory is memory, so any access outside crashes.
#ifndef ATTUNE_TESTS_FUZZ_FUZZ_CALL_H
#define ATTUNE_TESTS_FUZZ_FUZZ_CALL_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace attune::tests {

// Calls the default pack. Empty, or what the library did wrong: a status that no input may cause,
// a failure without a message, or an output written by a call that failed.
std::string fuzz_call(const std::uint8_t *bytes, std::size_t count);

}  // namespace attune::tests
#endif
