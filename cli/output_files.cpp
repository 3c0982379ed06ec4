#include "output_files.h"

#include "fault.h"
#include "npy.h"

#include <unistd.h>

namespace tool {
namespace fs = std::filesystem;

OutputFiles::OutputFiles(const std::string &folder) : folder_(folder) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (!fs::is_directory(folder_))
        throw Fault(CALL_WRONG,
                    "--out " + folder + ": " + (error ? error.message() : "not a folder"));
}

OutputFiles::~OutputFiles() {
    std::error_code ignored;
    for (const auto &[from, to] : pending_) fs::remove(from, ignored);
}

void OutputFiles::write(const std::string &name, const Array &array) {
    fs::path file = folder_ / (name + ".npy");
    // Hidden, and with the process in its name: two runs may share a folder.
    fs::path temporary = folder_ / ("." + name + "." + std::to_string(getpid()) + ".npy");
    pending_.emplace_back(temporary, file);
    bool narrow = array.dtype() == ATTUNE_F16 || array.dtype() == ATTUNE_BF16;
    if (narrow)
        write_npy(temporary.string(), converted(array, ATTUNE_F32));
    else
        write_npy(temporary.string(), array);
}

void OutputFiles::commit() {
    for (size_t i = 0; i < pending_.size(); i++) {
        std::error_code error, ignored;
        fs::rename(pending_[i].first, pending_[i].second, error);
        if (!error) continue;
        for (size_t done = 0; done < i; done++) fs::remove(pending_[done].second, ignored);
        throw Fault(MACHINE_FAILED, pending_[i].second.string() + ": " + error.message());
    }
    pending_.clear();
}

}  // namespace tool
