// Rows as a table and as JSON.
#ifndef ATTUNE_BENCH_REPORT_H
#define ATTUNE_BENCH_REPORT_H

#include "measure.h"

#include <string>
#include <vector>

namespace bench {

std::string table_head();
std::string table_line(const Row &row);
std::string table_failure(const std::string &shape, const std::string &why);

// A list of objects, one a row; what was not measured is null. Throws tool::Fault if the file
// cannot be written.
void write_json(const std::string &path, const std::vector<Row> &rows);

}  // namespace bench
#endif
