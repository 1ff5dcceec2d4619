#include "engine/csv/field_splitter.h"

namespace dap::csv {
namespace {

inline int byte_at(const char* p) noexcept { return static_cast<unsigned char>(*p); }

inline const char* find(const char* from, const char* end, int byte) noexcept {
  if (from == end) return end;
  const void* found = std::memchr(from, byte, static_cast<std::size_t>(end - from));
  return found == nullptr ? end : static_cast<const char*>(found);
}

// Inside quotes: the next escape that takes the byte after it literally, or the closing quote, or the end.
const char* next_mark(const Rules& rules, const char* from, const char* end) noexcept {
  if (rules.doubled_quotes()) return find(from, end, rules.quote);
  for (const char* p = from; p < end; p++) {
    if (byte_at(p) == rules.quote) return p;
    if (byte_at(p) == rules.escape && p + 1 < end && (byte_at(p + 1) == rules.quote || byte_at(p + 1) == rules.escape))
      return p;
  }
  return end;
}

// The closing quote of the quoted value whose inside begins at `p`; the number of its escapes.
const char* closing_quote(const Rules& rules, const char* p, const char* end, std::size_t& escapes) noexcept {
  for (;; escapes++) {
    p = next_mark(rules, p, end);
    // Where quotes are written twice, the closing one is the one that has no other after it.
    const bool twice = rules.doubled_quotes() && p + 1 < end && byte_at(p + 1) == rules.quote;
    if (p == end || (byte_at(p) == rules.quote && !twice)) return p;
    p += 2;
  }
}

// The same for a lenient dialect, where a quote closes before a delimiter or the record's end only, as RecordMachine
// has it. Copies the value to `to`, which may be `p`, unless that is null.
const char* lenient_closing_quote(const Rules& rules, const char* p, const char* end, std::size_t& escapes,
                                  char* to) noexcept {
  const auto field_ends = [&](const char* at) { return at >= end || byte_at(at) == rules.delimiter; };
  const char* plain = p;  // what is not copied yet
  bool data = false;      // there was a quote that is data
  for (;;) {
    p = next_mark(rules, p, end);
    if (p == end) break;
    const bool twice =
        rules.doubled_quotes() && p + 1 < end && byte_at(p + 1) == rules.quote && !(data && field_ends(p + 2));
    if (byte_at(p) == rules.quote && !twice) {
      if (field_ends(p + 1)) break;
      data = true;
      p++;
      continue;
    }
    escapes++;
    if (to != nullptr) {
      std::memmove(to, plain, static_cast<std::size_t>(p - plain));
      to += p - plain;
    }
    plain = p + 1;
    p += 2;
  }
  if (to != nullptr) std::memmove(to, plain, static_cast<std::size_t>(p - plain));
  return p;
}

}  // namespace

char* unescape(const Rules& rules, const char* from, const char* end, char* to) noexcept {
  // Short values, the usual ones, cost less without calls.
  if (rules.doubled_quotes() && end - from < 64) {
    while (from < end) {
      if (byte_at(from) == rules.quote) from++;
      *to++ = *from++;
    }
    return to;
  }
  while (from < end) {
    const char* mark = next_mark(rules, from, end);
    const auto plain = static_cast<std::size_t>(mark - from);
    std::memmove(to, from, plain);  // the value may be written where it is read
    to += plain;
    from = mark;
    if (mark < end) {
      *to++ = mark[1];
      from += 2;
    }
  }
  return to;
}

void split_fields(const Rules& rules, const char* record, std::size_t size, Field* out, std::size_t fields,
                  Arena& arena, char* in_place, std::uint64_t bare_from) {
  const char* p = record;
  const char* const end = record + size;
  for (std::size_t k = 0; k < fields; k++) {
    if (p == end || byte_at(p) != rules.quote || static_cast<std::uint64_t>(p - record) >= bare_from) {
      const char* start = p;
      p = find(p, end, rules.delimiter);
      const auto length = static_cast<std::size_t>(p - start);
      const bool null = rules.is_null(start, length);
      out[k] = {start, null ? 0 : static_cast<std::uint32_t>(length), null};
    } else {
      const char* start = ++p;
      std::size_t escapes = 0;
      const char* close = rules.lenient ? lenient_closing_quote(rules, start, end, escapes, nullptr)
                                        : closing_quote(rules, start, end, escapes);
      const std::size_t length = static_cast<std::size_t>(close - start) - escapes;
      const char* value = start;
      if (escapes > 0) {
        char* copy = in_place ? in_place + (start - record) : arena.take(length);
        if (rules.lenient) lenient_closing_quote(rules, start, end, escapes, copy);
        else unescape(rules, start, close, copy);
        value = copy;
      }
      out[k] = {value, static_cast<std::uint32_t>(length), false};
      p = close < end ? close + 1 : end;
    }
    if (p < end) p++;  // the delimiter
  }
}

}  // namespace dap::csv
