// Rows as columns: vectors of 64-bit numbers, and which rows count.
#pragma once

#include <cstdint>

namespace dap::column {

constexpr std::uint32_t batch_rows = 1024;  // the most rows of a batch

// A column of a batch, by row: smallint to bigint, date (days), timestamp (microseconds), boolean (0 or 1), decimals as
// units of a scale that the column has, texts as codes of a Dictionary.
struct Vector {
  const std::int64_t* values;
  const unsigned char* nulls;  // by row, 1: NULL, whatever its value is, 0: not; nullptr: no row is NULL
};

// The rows of a batch that count, ascending.
struct Selection {
  const std::uint16_t* rows;  // nullptr: rows 0 to count - 1
  std::uint32_t count;
};

inline std::uint32_t row_at(const Selection& selection, std::uint32_t i) {
  return selection.rows == nullptr ? i : selection.rows[i];
}

}  // namespace dap::column
