// Two bags into one, in steps, and with it: a bag in its one true form, the check of foreign bytes, the values of a bag
// in order. Plain data in memory of the caller's resource: it may be abandoned at any time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "engine/bag/writer.h"

namespace dap::bag {

// A finite value at a working scale: a key, or sortable bytes with the floor of the value times 10^scale as key.
struct Element {
  std::int64_t key;
  const unsigned char* bytes;  // NULL: the key is the value
  std::uint32_t length;
  std::uint64_t times;
};

inline int compare(const Element& a, const Element& b) {
  if (a.key != b.key) return a.key < b.key ? -1 : 1;
  if (a.bytes == nullptr || b.bytes == nullptr) return (a.bytes != nullptr) - (b.bytes != nullptr);
  return compare_bytes(a.bytes, a.length, b.bytes, b.length);
}

// A bag's finite values in order, at a scale that is no less than the bag's own.
struct Cursor {
  Header header;
  Element head;
  bool ended;
  bool damaged;  // then ended as well
  int scale;

  std::int64_t factor, most_scaled;
  bool has_key, has_wide, head_is_wide;
  unsigned place;
  Element key, wide;
  KeyReader keys;
  WideReader wides;
  std::uint16_t* digits;  // scratch for the decoding of wide values
  Block block;
  unsigned char overflow[32];  // bytes of a key that is none at the working scale
};

// Stands on the first value; damaged where the bytes are no bag's. Throws std::bad_alloc.
void open_cursor(Cursor* cursor, const unsigned char* data, std::size_t size, int scale,
                 std::pmr::memory_resource* memory);
void advance(Cursor* cursor);

enum class Outcome : unsigned char { more, done, damaged, negative, too_many, too_large };

struct Combination {
  Cursor a, b;
  const unsigned char* a_data;
  const unsigned char* b_data;
  std::size_t a_size, b_size;
  bool subtract;
  // Keys are written at the working scale in the hope that it is the right one; where it may not be, values are
  // surveyed first.
  enum class Pass : unsigned char { guess, survey, write } pass;
  int scale;   // what the cursors work at
  bool round;  // every key so far could do with one decimal less
  Survey survey;
  Writer writer;
  std::uint64_t specials[special_count];
};

// Begins a + b or a - b; the bytes stay the caller's. Throws std::bad_alloc.
Outcome begin_combination(Combination* work, const unsigned char* a, std::size_t a_size, const unsigned char* b,
                          std::size_t b_size, bool subtract, std::pmr::memory_resource* memory);
// Goes on for about so many values. When it is done, the bag is in `writer`, ended. Throws std::bad_alloc.
Outcome step_combination(Combination* work, unsigned values, std::size_t* size);
// Frees what the combination took, its result as well.
void release_combination(Combination* work);

// The bag as it must be: where is_bag() then finds other bytes than were given, those were none that a writer of this
// version writes.
inline Outcome begin_check(Combination* work, const unsigned char* data, std::size_t size,
                           std::pmr::memory_resource* memory) {
  return begin_combination(work, data, size, empty_bag, sizeof empty_bag, false, memory);
}
}  // namespace dap::bag
