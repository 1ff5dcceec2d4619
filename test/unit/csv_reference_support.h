// The scanner's promise again, written as plainly as possible: the whole file in memory, no state kept between bytes,
// no speed.
#pragma once

#include <string_view>

#include "csv_support.h"

namespace dap::csv::test {

// What scan() must find in `file`.
Outcome reference(std::string_view file, const Options& options);

}  // namespace dap::csv::test
