// A bag's readable form: {1.25:3,2:1}, each value once with how often it is there. And the form of a bag whose readable
// one would be too long: its bytes, base64:AQE...
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string_view>

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
// Reads up to `items` items, or about a megabyte, into a bag of its own; values may come in any order and repeatedly.
// Throws std::bad_alloc.
void read_items(TextReader* reader, unsigned items, Writer* writer);

// ---- bytes as text ----
// so that a row of a dump, which must stay below 1 GB, has room for other columns
constexpr std::size_t most_text = 1'000'000'000;
constexpr std::string_view encoded_mark = "base64:";
constexpr std::size_t encoded_size(std::size_t bytes) { return encoded_mark.size() + (bytes + 2) / 3 * 4; }
static_assert(encoded_size(most_bag_bytes) <= most_text);
// Writes base64 without the mark, and returns where it stopped. Of a longer text the pieces but the last are of a
// multiple of three bytes.
char* write_base64(const unsigned char* bytes, std::size_t size, char* out);
// Reads base64 up to the end of the text, blanks around it left out, into room for three bytes of four characters; the
// NULL pointer where it is none.
unsigned char* read_base64(std::string_view text, unsigned char* out);

}  // namespace dap::bag
