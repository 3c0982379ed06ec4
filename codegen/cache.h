// Compiled kernels, kept by the content that made them.
#pragma once

#include <string>

namespace attune {

class Cache {
public:
    // folder empty: nothing is kept.
    explicit Cache(std::string folder);

    // What besides names and numbers makes the kernels of a variant: a hash of the sources of
    // generators/, schedules/ and codegen/ for those that come with Attune, of the whole program
    // for a user's. With Halide's version.
    std::string origin(bool stock) const;

    // The object of `key` copied to `path`; false if there is none.
    bool fetch(const std::string &key, const std::string &path) const;
    void keep(const std::string &key, const std::string &path) const;

private:
    std::string folder, program;  // program: hash of this executable
    std::string file(const std::string &key) const;
};

}  // namespace attune
