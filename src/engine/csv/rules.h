// The dialect and limits as the scanner's parts use them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "engine/csv/buffer.h"
#include "engine/csv/scanner.h"

namespace dap::csv {

// How the lines of this file end: with LF or CRLF, or also with CR alone. Unknown until the first record has ended.
enum class LineEnds : std::uint8_t { undecided, lf, cr };

// Bytes as ints, -1 for "none", so that no byte of the file equals an absent one.
struct Rules {
  // Sizes are handed out in 32 bits, and nothing beyond PostgreSQL's largest value is of use.
  static constexpr std::uint64_t largest = (1u << 30) - 1;

  Rules(const Dialect& dialect, const Limits& limits, std::pmr::memory_resource* memory)
      : delimiter(static_cast<unsigned char>(dialect.delimiter)),
        quote(dialect.quote == 0 ? -1 : static_cast<unsigned char>(dialect.quote)),
        // As in COPY the escape is the quote unless another one is given.
        escape(dialect.quote == 0 || dialect.escape == 0 || dialect.escape == dialect.quote
                   ? -1
                   : static_cast<unsigned char>(dialect.escape)),
        lenient(dialect.lenient),
        validate_utf8(dialect.validate_utf8),
        field_bytes(std::min(limits.field_bytes, largest)),
        record_bytes(std::min(limits.record_bytes, largest)),
        reject_bytes(std::min(limits.reject_bytes, largest)),
        step_bytes(std::clamp<std::uint64_t>(limits.step_bytes, 1, largest)),
        null_text(memory) {
    null_text.append(dialect.null_text.data(), dialect.null_text.size());
  }

  bool doubled_quotes() const noexcept { return escape < 0; }
  bool is_null(const char* data, std::size_t size) const noexcept {
    return size == null_text.size() && (size == 0 || std::memcmp(data, null_text.data(), size) == 0);
  }

  int delimiter;
  int quote;
  int escape;  // -1: a quote is written as two quotes
  bool lenient;
  bool validate_utf8;
  std::uint64_t field_bytes;
  std::uint64_t record_bytes;
  std::uint64_t reject_bytes;
  std::uint64_t step_bytes;
  Buffer<char> null_text;
};

}  // namespace dap::csv
