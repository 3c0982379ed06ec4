// libFuzzer's entry: attune_fuzz_call tests/fuzz/corpus
#include "fuzz_call.h"

#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t count) {
    const std::string fault = attune::tests::fuzz_call(bytes, count);
    if (fault.empty()) return 0;
    std::fprintf(stderr, "%s\n", fault.c_str());
    std::abort();
}
