#include "fault.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <new>

namespace tool {
namespace {

std::string one_line(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

int report(const std::string &program, ExitStatus status, const std::string &line) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), one_line(line).c_str());
    return status;
}

}  // namespace

Fault::Fault(ExitStatus status, const std::string &line)
    : std::runtime_error(line), status(status) {}

ExitStatus exit_status(attune_status status) {
    if (status == ATTUNE_OK) return DONE;
    if (status < ATTUNE_NO_KERNEL) return CALL_WRONG;
    return status < ATTUNE_OUT_OF_MEMORY ? PACK_CANNOT : MACHINE_FAILED;
}

void check(attune_status status, const std::string &what) {
    if (status == ATTUNE_OK) return;
    std::string message = attune_error_message();
    if (message.empty()) message = attune_status_name(status);
    bool named = message.compare(0, what.size(), what) == 0;
    throw Fault(exit_status(status), named ? message : what + ": " + message);
}

int guarded(const std::string &program, int (*body)(int, char **), int argc, char **argv) {
    try {
        return body(argc, argv);
    } catch (const Fault &fault) {
        return report(program, fault.status, fault.what());
    } catch (const CLI::ParseError &error) {
        return report(program, CALL_WRONG, error.what());
    } catch (const std::bad_alloc &) {
        return report(program, MACHINE_FAILED, "out of memory");
    } catch (const std::exception &error) {
        return report(program, MACHINE_FAILED, error.what());
    }
}

}  // namespace tool
