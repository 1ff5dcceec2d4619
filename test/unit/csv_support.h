// What a scanner makes of a file, in a form that can be compared and printed.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/csv/scanner.h"

namespace dap::csv::test {

using Value = std::optional<std::string>;

struct Row {
  std::uint64_t line;
  std::uint64_t offset;
  std::string raw;
  std::vector<Value> values;
  bool operator==(const Row&) const = default;
};

struct Bad {
  std::uint64_t line;
  std::uint64_t offset;
  std::string reason;
  std::int32_t column;
  std::uint32_t fields_found;
  std::string raw;
  std::uint64_t raw_size;
  bool operator==(const Bad&) const = default;
};

struct Outcome {
  std::optional<Row> header;
  std::vector<Row> rows;
  std::vector<Bad> bad;
  Reason error = Reason::none;
  std::uint64_t error_line = 0;
  std::uint64_t error_offset = 0;
  bool operator==(const Outcome&) const = default;
};

// Shows control characters and bytes above ASCII as \xHH.
std::string show(std::string_view bytes);
std::string show(const Outcome& outcome);

struct Options {
  Dialect dialect{};
  Limits limits{};
  bool header = true;
  // For reference() only: the header is the first record without a fault; the bytes are the beginning of a file
  bool good_header = false, goes_on = false;
  std::uint32_t columns = 0;  // where there is no header
};

// How the bytes are fed and pulled.
struct Feeding {
  std::vector<std::size_t> chunks;  // sizes, over and over; empty: all at once
  std::size_t max_records = 1000;
  bool finish_early = false;  // finish() right after the last feed()
};

// Reads `file` to its end or failure. Every chunk is a copy of exactly its size, overwritten once the scanner is done
// with it.
Outcome scan(std::string_view file, const Options& options, const Feeding& feeding = {},
             std::pmr::memory_resource* memory = std::pmr::new_delete_resource());

}  // namespace dap::csv::test
