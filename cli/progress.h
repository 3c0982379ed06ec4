// One status line on a terminal; nothing at all if stderr is a pipe or a file.
#ifndef ATTUNE_CLI_PROGRESS_H
#define ATTUNE_CLI_PROGRESS_H

#include <string>

namespace tool {

class Progress {
public:
    Progress();
    ~Progress() { show(""); }
    void show(const std::string &line);  // replaces the line before; "": clears it

private:
    bool terminal_, shown_ = false;
};

}  // namespace tool
#endif
