// A row on its way into a table: what it is ordered by, and the bytes that the table will hold. It is the same in
// memory and in a file of rows that memory had no room for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dap::row {

// Behind it lie the rest of the key's image, the image of what makes a row the latest of its key, and the body. Images
// are bytes whose order is the order of the values; no image begins with another one.
struct Row {
  std::uint64_t key;      // the image's first eight bytes as a big-endian number, zeros where it is shorter
  std::uint64_t arrival;  // which of two rows came later
  std::uint16_t key_rest;
  std::uint16_t latest;
  std::uint16_t body;
  std::uint16_t tag;  // the caller's own

  const unsigned char* key_bytes() const { return reinterpret_cast<const unsigned char*>(this + 1); }
  const unsigned char* latest_bytes() const { return key_bytes() + key_rest; }
  const unsigned char* body_bytes() const { return latest_bytes() + latest; }
};
static_assert(sizeof(Row) == 24);

// The bytes that a row takes, with those that align the next one.
inline std::size_t row_bytes(std::size_t key_rest, std::size_t latest, std::size_t body) {
  return (sizeof(Row) + key_rest + latest + body + 7) & ~std::size_t{7};
}
inline std::size_t row_bytes(const Row& row) { return row_bytes(row.key_rest, row.latest, row.body); }

// Orders two images: negative, zero, positive.
inline int compare_images(const unsigned char* a, std::size_t a_length, const unsigned char* b, std::size_t b_length) {
  const std::size_t common = a_length < b_length ? a_length : b_length;
  if (const int order = common == 0 ? 0 : std::memcmp(a, b, common)) return order;
  return a_length < b_length ? -1 : a_length > b_length;
}

inline int compare_keys(const Row& a, const Row& b) {
  if (a.key != b.key) return a.key < b.key ? -1 : 1;
  return compare_images(a.key_bytes(), a.key_rest, b.key_bytes(), b.key_rest);
}

// Of two rows of one key: does `a` take the place of `b`?
inline bool is_later(const Row& a, const Row& b) {
  if (const int order = compare_images(a.latest_bytes(), a.latest, b.latest_bytes(), b.latest)) return order > 0;
  return a.arrival > b.arrival;
}

}  // namespace dap::row
