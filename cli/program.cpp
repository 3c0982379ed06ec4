#include "program.h"

#include "fault.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace tool {
namespace {

std::vector<char *> argument_vector(const std::vector<std::string> &command) {
    std::vector<char *> arguments;
    for (const std::string &word : command) arguments.push_back(const_cast<char *>(word.c_str()));
    arguments.push_back(nullptr);
    return arguments;
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE *)>;

// An unnamed file, so that a child that reads late cannot block a parent that writes first.
File file_with(const std::string &content) {
    File file(std::tmpfile(), std::fclose);
    if (!file || std::fwrite(content.data(), 1, content.size(), file.get()) != content.size() ||
        std::fflush(file.get()) != 0)
        throw Fault(MACHINE_FAILED, std::string("temporary file: ") + std::strerror(errno));
    std::rewind(file.get());
    return file;
}

std::string read_all(int descriptor) {
    std::string text;
    char block[65536];
    for (ssize_t got; (got = read(descriptor, block, sizeof block)) != 0;) {
        if (got > 0)
            text.append(block, size_t(got));
        else if (errno != EINTR)
            break;
    }
    return text;
}

}  // namespace

void become(const std::string &path, const std::vector<std::string> &arguments) {
    std::vector<std::string> command = {path};
    command.insert(command.end(), arguments.begin(), arguments.end());
    execv(path.c_str(), argument_vector(command).data());
    throw Fault(MACHINE_FAILED, path + ": " + std::strerror(errno));
}

Output output_of(const std::vector<std::string> &command, const std::string &input) {
    File in = file_with(input);
    std::vector<char *> arguments = argument_vector(command);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Fault(MACHINE_FAILED, std::strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        dup2(fileno(in.get()), STDIN_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execvp(arguments[0], arguments.data());
        _exit(127);
    }
    close(ends[1]);
    Output output = {127, child > 0 ? read_all(ends[0]) : ""};
    close(ends[0]);
    int status = 0;
    if (child > 0 && waitpid(child, &status, 0) == child)
        output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
}

std::string find_in_path(const std::string &program) {
    const char *path = std::getenv("PATH");
    std::stringstream folders(path ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (access((folder + "/" + program).c_str(), X_OK) == 0) return folder + "/" + program;
    return "";
}

}  // namespace tool
