// Which ranks a fraction asks for, in exact decimal arithmetic.
#pragma once

#include <cstdint>

namespace dap::quantile {

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;
// As a member: a MemoryContext aligns to 8 bytes only.
__extension__ typedef unsigned __int128 StoredUInt128 __attribute__((aligned(8)));

// A fraction in 0..1 as its shortest decimal: digits / 10^places, digits below 10^17.
struct Fraction {
  std::uint64_t digits;
  int places;
};

// Reads a fraction; false when it is NaN or outside 0..1. Minus zero is zero.
bool read_fraction(double value, Fraction* out);

// A place between two neighbours of the sorted values: from `low` (0-based), part / 10^places of the way to `low + 1`;
// part 0 is `low` itself.
struct Position {
  std::uint64_t low;
  StoredUInt128 part;
  int places;
};

// The continuous position fraction × (count - 1), exactly; count is 1 to 2^63.
Position continuous_position(Fraction fraction, std::uint64_t count);

// The 0-based rank of the first value whose cumulative share reaches the fraction; count is 1 to 2^63.
std::uint64_t discrete_rank(Fraction fraction, std::uint64_t count);

// The decimal text of part / 10^places, such as "25e-2", NUL-terminated; `text` has room for 64 bytes.
void part_text(const Position& position, char* text);

// part / 10^places as the nearest double.
double part_double(const Position& position);

// low + part × (high - low), halves away from zero: false when an intermediate value does not fit (then ask arbitrary
// precision). The result is result / 10^places with *places ≤ scale + position.places and no trailing zero behind the
// point.
bool interpolate_scaled(std::int64_t low, std::int64_t high, int scale, const Position& position, std::int64_t* result,
                        int* places);

// low + part × (high - low) rounded to an integer, halves up; false when an intermediate value does not fit.
bool interpolate_rounded(std::int64_t low, std::int64_t high, const Position& position, std::int64_t* result);

// lo + f × (hi - lo); equal ends give that end, a difference that is not finite uses (1-f) × lo + f × hi.
double interpolate_double(double low, double high, const Position& position);

}  // namespace dap::quantile
