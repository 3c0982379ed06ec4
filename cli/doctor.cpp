// attune doctor: what this machine has, and what each missing thing would bring.
#include "command.h"
#include "context.h"
#include "drivers.h"
#include "fault.h"
#include "bench/machine.h"
#include "pack_file.h"
#include "program.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tool {
namespace {

using nlohmann::json;

// A line of the report: what it is, whether it is there, details, and what it is good for.
json item(const std::string &name, bool found, const std::string &detail,
          const std::string &brings = "") {
    return {{"name", name}, {"found", found}, {"detail", detail}, {"brings", brings}};
}

std::string first_line(const std::string &path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string frequency() {
    std::string folder = "/sys/devices/system/cpu/cpu0/cpufreq/";
    std::string governor = first_line(folder + "scaling_governor");
    std::string limit = first_line(folder + "cpuinfo_max_freq");  // kHz
    if (governor.empty()) return "not told by the system (usual in a virtual machine)";
    return "governor " + governor + ", at most " + limit.substr(0, limit.size() - 3) + " MHz" +
           (governor == "performance" ? "" : ": benchmarks are steadier under \"performance\"");
}

bool usable(const std::string &target) {
    try {
        Context context(target, 1, "");
        return true;
    } catch (const Fault &) {
        return false;
    }
}

void add_targets(json &items) {
    for (const char *target :
         {"x86-64", "avx2", "avx512", "avx512_bf16", "avx512_amx", "aarch64"}) {
        bool works = usable(target);
        items.push_back(item(std::string("target ") + target, works,
                             works ? "usable" : std::string("not on this CPU"),
                             works ? "" : "a CPU that has it runs those kernels"));
    }
}

std::string joined(const std::vector<std::string> &parts) {
    std::string text;
    for (const std::string &part : parts) text += (text.empty() ? "" : "; ") + part;
    return text;
}

json driver_item(const char *name, const Driver &driver, const char *brings) {
    std::string devices = driver.devices.empty() ? "" : " (" + joined(driver.devices) + ")";
    return item(name, driver.found, driver.version + devices, brings);
}

json pack_item(const std::string &path) {
    std::string brings = "attune generate makes packs; --pack FILE or ATTUNE_PACK names another";
    if (!std::filesystem::exists(path)) return item("pack", false, path, brings);
    try {
        const attune_pack *pack = load_pack(path);
        return item("pack", true,
                    path + ": " + pack->name + " " + pack->version + ", " +
                        std::to_string(pack->variants) + " variants, " +
                        std::to_string(pack->kernels) + " kernels");
    } catch (const Fault &fault) {
        return item("pack", false, fault.what(), brings);
    }
}

json sibling_item(const char *name, const char *brings) {
    std::string path = sibling_program(name);
    return item(name, !path.empty(), path, brings);
}

// The first line with a digit: a version.
std::string version_line(const std::string &text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.find_first_of("0123456789") != std::string::npos)
            return line.substr(line.find_first_not_of(" \t"));
    return "unknown version";
}

json program_item(const std::vector<std::string> &names, const char *brings) {
    for (const std::string &name : names)
        if (!find_in_path(name).empty())
            return item(names[0], true, version_line(output_of({name, "--version"}).text));
    return item(names[0], false, "not in PATH", brings);
}

json examine() {
    json items = json::array();
    items.push_back(
        item("libattune", true,
             std::string(attune_version()) + ", ABI " + std::to_string(attune_abi_version())));
    items.push_back(item(
        "CPU", true, machine::cpu_model() + ", " + machine::name_of(machine::widest_vectors())));
    items.push_back(item("threads", true, std::to_string(machine::cpus())));
    items.push_back(item("frequency", true, frequency()));
    add_targets(items);
    items.push_back(driver_item("OpenCL", opencl_driver(), "target opencl"));
    items.push_back(driver_item("CUDA", cuda_driver(), "target cuda"));
    for (const std::string &path : default_packs()) items.push_back(pack_item(path));
    items.push_back(sibling_item("attune-generate", "attune generate: packs of your own"));
    items.push_back(sibling_item("attune-bench", "attune bench: times and shares"));
    items.push_back(program_item({"objdump"}, "attune inspect: loops and spills of a kernel"));
    items.push_back(program_item({"llvm-mca", "llvm-mca-14"}, "attune inspect --asm"));
    items.push_back(program_item({"cc", "gcc", "clang"}, "linking generated packs"));
    return items;
}

void print(const json &items) {
    for (const json &one : items) {
        bool found = one["found"];
        std::printf("%-7s %-18s %s\n", found ? "ok" : "missing",
                    one["name"].get<std::string>().c_str(),
                    one["detail"].get<std::string>().c_str());
        std::string brings = one["brings"];
        if (!found && !brings.empty()) std::printf("%26s would bring: %s\n", "", brings.c_str());
    }
}

}  // namespace

void add_doctor(CLI::App &app) {
    auto as_json = std::make_shared<bool>(false);
    CLI::App *sub = app.add_subcommand("doctor", "What this machine has and lacks");
    sub->footer("\nExamples:\n  attune doctor\n  attune doctor --json");
    sub->add_flag("--json", *as_json, "As JSON");
    sub->callback([as_json] {
        json items = examine();
        if (*as_json)
            std::printf("%s\n", items.dump(1).c_str());
        else
            print(items);
    });
}

}  // namespace tool
