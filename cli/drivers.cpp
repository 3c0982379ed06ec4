#include "drivers.h"

#include <cstdint>
#include <dlfcn.h>

namespace tool {
namespace {

// A library that is never unloaded: drivers leave threads behind.
class Library {
public:
    explicit Library(const char *name) : handle_(dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
        if (!handle_) error_ = dlerror();
    }
    explicit operator bool() const { return handle_ != nullptr; }
    const std::string &error() const { return error_; }

    template <class Function>
    Function *get(const char *name) const {
        return reinterpret_cast<Function *>(dlsym(handle_, name));
    }

private:
    void *handle_;
    std::string error_;
};

// The few entries of the OpenCL API that are needed, by its published ABI.
using ClHandle = void *;
using ClGetPlatforms = int32_t(uint32_t, ClHandle *, uint32_t *);
using ClGetDevices = int32_t(ClHandle, uint64_t, uint32_t, ClHandle *, uint32_t *);
using ClGetInfo = int32_t(ClHandle, uint32_t, size_t, void *, size_t *);
constexpr uint32_t CL_PLATFORM_VERSION = 0x0901, CL_PLATFORM_NAME = 0x0902;
constexpr uint32_t CL_DEVICE_NAME = 0x102B;
constexpr uint64_t CL_DEVICE_TYPE_ALL = 0xFFFFFFFF;

std::string info(ClGetInfo *get, ClHandle object, uint32_t key) {
    char text[256] = "";
    return get(object, key, sizeof text - 1, text, nullptr) == 0 ? text : "?";
}

// The entries of the CUDA driver API, likewise.
using CuInit = int(unsigned);
using CuGetInt = int(int *);
using CuDeviceGet = int(int *, int);
using CuDeviceGetName = int(char *, int, int);

}  // namespace

Driver opencl_driver() {
    Driver driver;
    static const Library library("libOpenCL.so.1");
    driver.version = library.error();
    if (!library) return driver;
    auto platforms = library.get<ClGetPlatforms>("clGetPlatformIDs");
    auto devices = library.get<ClGetDevices>("clGetDeviceIDs");
    auto platform_info = library.get<ClGetInfo>("clGetPlatformInfo");
    auto device_info = library.get<ClGetInfo>("clGetDeviceInfo");
    ClHandle found[16];
    uint32_t count = 0;
    bool complete = platforms && devices && platform_info && device_info;
    if (!complete || platforms(16, found, &count) != 0 || count == 0) {
        driver.version = "no OpenCL platform";
        return driver;
    }
    driver.found = true;
    driver.version = info(platform_info, found[0], CL_PLATFORM_VERSION);
    for (uint32_t p = 0; p < count && p < 16; p++) {
        ClHandle list[16];
        uint32_t devices_here = 0;
        devices(found[p], CL_DEVICE_TYPE_ALL, 16, list, &devices_here);
        std::string name = info(platform_info, found[p], CL_PLATFORM_NAME);
        for (uint32_t d = 0; d < devices_here && d < 16; d++)
            driver.devices.push_back(name + ": " + info(device_info, list[d], CL_DEVICE_NAME));
    }
    return driver;
}

Driver cuda_driver() {
    Driver driver;
    static const Library library("libcuda.so.1");
    driver.version = library.error();
    if (!library) return driver;
    auto init = library.get<CuInit>("cuInit");
    auto version = library.get<CuGetInt>("cuDriverGetVersion");
    auto count = library.get<CuGetInt>("cuDeviceGetCount");
    auto device = library.get<CuDeviceGet>("cuDeviceGet");
    auto name = library.get<CuDeviceGetName>("cuDeviceGetName");
    int number = 0, devices = 0;
    bool complete = init && version && count && device && name;
    if (!complete || init(0) != 0 || version(&number) != 0 || count(&devices) != 0) {
        driver.version = "the driver does not start";
        return driver;
    }
    driver.found = devices > 0;
    driver.version = std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
    for (int i = 0; i < devices; i++) {
        char text[256] = "";
        int handle = 0;
        if (device(&handle, i) == 0 && name(text, sizeof text - 1, handle) == 0)
            driver.devices.push_back(text);
    }
    return driver;
}

}  // namespace tool
