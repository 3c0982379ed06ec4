// GPU drivers of this machine, opened at run time: the program links to none.
#ifndef ATTUNE_CLI_DRIVERS_H
#define ATTUNE_CLI_DRIVERS_H

#include <string>
#include <vector>

namespace tool {

struct Driver {
    bool found = false;
    std::string version;               // of the driver, or why there is none
    std::vector<std::string> devices;  // "platform: device" for OpenCL
};

Driver opencl_driver();
Driver cuda_driver();

}  // namespace tool
#endif
