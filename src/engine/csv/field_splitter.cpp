#include "engine/csv/field_splitter.h"

namespace dap::csv {
namespace {

inline int byte_at(const char* p) noexcept { return static_cast<unsigned char>(*p); }

// Whether the byte at `p` is an escape that takes the next one literally, inside quotes.
inline bool escapes(const Rules& rules, const char* p, const char* end) noexcept {
  if (p + 1 >= end) return false;
  if (rules.doubled_quotes()) return byte_at(p) == rules.quote && byte_at(p + 1) == rules.quote;
  return byte_at(p) == rules.escape && (byte_at(p + 1) == rules.quote || byte_at(p + 1) == rules.escape);
}

}  // namespace

char* unescape(const Rules& rules, const char* from, const char* end, char* to) noexcept {
  while (from < end) {
    if (escapes(rules, from, end)) from++;
    *to++ = *from++;
  }
  return to;
}

void split_fields(const Rules& rules, const char* record, std::size_t size, Field* out, std::size_t fields, Arena& arena) {
  const char* p = record;
  const char* const end = record + size;
  for (std::size_t k = 0; k < fields; k++) {
    if (p == end || byte_at(p) != rules.quote) {
      const char* start = p;
      while (p < end && byte_at(p) != rules.delimiter) p++;
      const auto length = static_cast<std::size_t>(p - start);
      const bool null = rules.is_null(start, length);
      out[k] = {start, null ? 0 : static_cast<std::uint32_t>(length), null};
    } else {
      const char* start = ++p;
      std::size_t escaped = 0;
      while (p < end) {
        if (escapes(rules, p, end)) {
          escaped++;
          p += 2;
        } else if (byte_at(p) == rules.quote) {
          break;
        } else {
          p++;
        }
      }
      const char* close = p;
      const char* rest = p < end ? ++p : p;
      while (p < end && byte_at(p) != rules.delimiter) p++;
      const auto inside = static_cast<std::size_t>(close - start);
      const auto after = static_cast<std::size_t>(p - rest);
      if (escaped == 0 && after == 0) {
        out[k] = {start, static_cast<std::uint32_t>(inside), false};
      } else {
        const std::size_t length = inside - escaped + after;
        char* copy = arena.take(length);
        char* tail = unescape(rules, start, close, copy);
        if (after > 0) std::memcpy(tail, rest, after);
        out[k] = {copy, static_cast<std::uint32_t>(length), false};
      }
    }
    if (p < end) p++;  // the delimiter
  }
}

}  // namespace dap::csv
