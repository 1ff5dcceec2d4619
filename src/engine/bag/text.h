// A bag's readable form: {1.25:3,2:1}, each value once with how often it is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "engine/bag/writer.h"

namespace dap::bag {

constexpr std::size_t most_key_text = 48;
// key / 10^scale without trailing zeros behind the point; returns where the writing stopped, no terminator.
char* write_key(std::int64_t key, int scale, char* out);

enum class TextFault : unsigned char { none, malformed, number, times, range, total };

// A text that is being read, a few items a time.
struct TextReader {
  const char* at;
  const char* end;
  TextFault fault;  // `at` then stands where it is
  bool ended;
};

// Reads the opening brace.
void open_text(TextReader* reader, const char* text, std::size_t length);
// Reads up to `items` items, or about a megabyte, into a bag of its own; values may come in any order and repeatedly. Throws std::bad_alloc.
void read_items(TextReader* reader, unsigned items, Writer* writer);

}  // namespace dap::bag
