#include "report.h"

#include "cli/fault.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>

namespace bench {
namespace {

using nlohmann::json;

json number(const std::optional<double> &value) { return value ? json(*value) : json(nullptr); }

json row_json(const Row &row) {
    json entry = {{"shape", row.shape},     {"variant", row.variant}, {"dtype", row.dtype},
                  {"target", row.target},   {"kernel", row.kernel},   {"schedule", row.schedule},
                  {"machine", row.machine}, {"threads", row.threads}};
    entry["ms_min"] = row.ms_min;
    entry["ms_median"] = row.ms_median;
    entry["spread"] = row.spread;
    entry["scratch_mb"] = row.scratch_mb;
    entry["gflops"] = row.gflops;
    entry["share_of_fma_peak"] = number(row.share_of_fma_peak);
    entry["bandwidth_gb_s"] = row.bandwidth_gb_s;
    entry["share_of_bandwidth"] = number(row.share_of_bandwidth);
    entry["share_of_roofline"] = number(row.share_of_roofline);
    entry["scaling"] = number(row.scaling);
    entry["fma_scaling"] = number(row.fma_scaling);
    return entry;
}

std::string formatted(const char *format, double value) {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string column(const char *format, const std::optional<double> &value) {
    return value ? formatted(format, *value) : "-";
}

std::string line(const std::vector<std::string> &columns) {
    static const int widths[] = {-28, -34, 3, 9, 9, 6, 8, 6, 7, 6, 6, 7, 7};
    std::string text;
    for (size_t i = 0; i < columns.size(); i++) {
        char cell[256];
        std::snprintf(cell, sizeof cell, "%*s ", widths[i], columns[i].c_str());
        text += cell;
    }
    return text.substr(0, text.find_last_not_of(' ') + 1);
}

}  // namespace

std::string table_head() {
    return line({"shape", "kernel", "thr", "ms min", "median", "spread", "GFLOP/s", "of FMA",
                 "GB/s", "of rd", "roof", "scaling", "of FMA"});
}

std::string table_line(const Row &row) {
    return line({row.shape, row.kernel, std::to_string(row.threads), formatted("%.3f", row.ms_min),
                 formatted("%.3f", row.ms_median), formatted("%.2f", row.spread),
                 formatted("%.1f", row.gflops), column("%.3f", row.share_of_fma_peak),
                 formatted("%.1f", row.bandwidth_gb_s), column("%.3f", row.share_of_bandwidth),
                 column("%.3f", row.share_of_roofline), column("%.2f", row.scaling),
                 column("%.2f", row.fma_scaling)});
}

std::string table_failure(const std::string &shape, const std::string &why) {
    return line({shape}) + "  not measured: " + why;
}

void write_json(const std::string &path, const std::vector<Row> &rows) {
    json list = json::array();
    for (const Row &row : rows) list.push_back(row_json(row));
    std::ofstream file(path);
    file << list.dump(1) << "\n" << std::flush;
    if (!file) throw tool::Fault(tool::MACHINE_FAILED, "--json " + path + ": cannot be written");
}

}  // namespace bench
