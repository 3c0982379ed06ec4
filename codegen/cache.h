// Compiled kernels, kept by the content that made them.
#pragma once

#include <string>

namespace attune {

class Cache {
public:
    // folder empty: nothing is kept.
    explicit Cache(std::string folder);

    // The object of `key` copied to `path`; false if there is none.
    bool fetch(const std::string &key, const std::string &path) const;
    void keep(const std::string &key, const std::string &path) const;

private:
    std::string folder, program;  // program: hash of this executable and of Halide's library
    std::string file(const std::string &key) const;
};

}  // namespace attune
