#include "crash.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace attune::tests {
namespace {

char current[1024];

void report(const char *text) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

void crashed(int number) {
    report("\ncrash in: ");
    report(current);
    report("\n");
    signal(number, SIG_DFL);
    raise(number);
}

// A sanitizer that has handlers of its own keeps them.
bool install() {
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        struct sigaction old {};
        if (sigaction(number, nullptr, &old) == 0 && old.sa_handler == SIG_DFL)
            signal(number, crashed);
    }
    return true;
}

}  // namespace

void now_running(const std::string &what) {
    static const bool installed = install();
    if (installed) std::snprintf(current, sizeof current, "%s", what.c_str());
}

}  // namespace attune::tests
