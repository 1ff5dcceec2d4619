// One value of any supported type as a sortable pair: a 64-bit key, and bytes where the key alone is not the value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/quantile/fraction.h"

namespace dap::quantile {

enum class Kind : std::uint8_t {
  int2 = 1,
  int4,
  int8,
  numeric,
  float4,
  float8,
  date,
  timestamp,
  timestamptz,
  interval
};

inline bool kind_known(std::uint8_t kind) { return kind >= 1 && kind <= 10; }

// Bytes whose memcmp order is the values' order; followed by `length` bytes.
struct Bytes {
  std::uint32_t length;
  const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(this + 1); }
  unsigned char* data() { return reinterpret_cast<unsigned char*>(this + 1); }
};

// Values sort by key, then those without bytes first, then by bytes.
struct Value {
  std::int64_t key;
  const Bytes* bytes;  // NULL: the key is the value
};

inline int compare_bytes(const Bytes* a, const Bytes* b) {
  if (a == nullptr || b == nullptr) return (a != nullptr) - (b != nullptr);
  const std::size_t common = a->length < b->length ? a->length : b->length;
  const int order = std::memcmp(a->data(), b->data(), common);
  if (order != 0) return order;
  return a->length < b->length ? -1 : a->length > b->length;
}

inline int compare(const Value& a, const Value& b) {
  if (a.key != b.key) return a.key < b.key ? -1 : 1;
  return compare_bytes(a.bytes, b.bytes);
}

// Doubles as keys: the order of PostgreSQL, minus zero is zero, every NaN one and last.
inline std::int64_t double_key(double value) {
  constexpr std::int64_t not_a_number = 0x7ff8000000000000;
  std::int64_t bits;
  if (value == 0.0) return 0;
  if (value != value) return not_a_number;
  std::memcpy(&bits, &value, sizeof bits);
  return bits ^ static_cast<std::int64_t>(static_cast<std::uint64_t>(bits >> 63) >> 1);
}

inline double key_double(std::int64_t key) {
  const std::int64_t bits = key ^ static_cast<std::int64_t>(static_cast<std::uint64_t>(key >> 63) >> 1);
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// ---- intervals: always with bytes; equal spans order by months, days, microseconds ----
constexpr std::uint32_t interval_length = 32;
constexpr std::uint32_t interval_span = 16;  // the first bytes, the same in equal intervals
struct IntervalParts {
  std::int64_t time;
  std::int32_t day, month;
};
std::int64_t write_interval(const IntervalParts& parts, unsigned char* bytes);
IntervalParts read_interval(const unsigned char* bytes);

}  // namespace dap::quantile
