#include "expected.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "bad_input.h"
#include "texts.h"

namespace {

constexpr int kStep = 3;  // columns from one value to the next

Eigen::RowVectorXd row_of(const Rows &rows, int64_t row) {
    if (row >= 0) return rows.row(row).cast<double>();
    return rows.cast<double>().colwise().mean();
}

}  // namespace

double largest_difference(const Rows &rows, const std::string &file) {
    double largest = 0;
    try {
        for (const auto &entry : nlohmann::json::parse(read_file(file))) {
            const int64_t row = entry.at("row").get<int64_t>();
            const auto values = entry.at("values").get<std::vector<double>>();
            if (row >= rows.rows() || int64_t(values.size()) * kStep != rows.cols())
                throw BadInput(file + ": a row of another size");
            const Eigen::RowVectorXd got = row_of(rows, row);
            for (size_t i = 0; i < values.size(); i++) {
                const double difference = std::fabs(got(int64_t(i) * kStep) - values[i]);
                if (!(difference <= largest)) largest = difference;
                if (std::isnan(largest)) return std::numeric_limits<double>::infinity();
            }
        }
    } catch (const nlohmann::json::exception &error) {
        throw BadInput(file + ": " + error.what());
    }
    return largest;
}
