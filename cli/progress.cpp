#include "progress.h"

#include <cstdio>
#include <unistd.h>

namespace tool {

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::show(const std::string &line) {
    if (!terminal_ || (line.empty() && !shown_)) return;
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    std::fflush(stderr);
    shown_ = !line.empty();
}

}  // namespace tool
