// Values that reference/make_reference.py has written down.
#ifndef LONG_RANGE_BLOCKS_EXPECTED_H
#define LONG_RANGE_BLOCKS_EXPECTED_H

#include <string>

#include "weights.h"

/// The largest difference between the file's values and those of `rows`; infinity where one is NaN.
/// A row of -1 is the mean of all. Throws BadInput if the file is not such a list.
double largest_difference(const Rows &rows, const std::string &file);

#endif
