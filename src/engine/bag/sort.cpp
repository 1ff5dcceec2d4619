#include "engine/bag/sort.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace dap::bag {

namespace {

constexpr std::size_t worth_digits = 1024;
constexpr int digit_bits = 11;
constexpr std::size_t digit_values = std::size_t{1} << digit_bits;

}  // namespace

std::int64_t* sort_keys(std::int64_t* keys, std::size_t count, std::int64_t* scratch) {
  if (count < worth_digits) {
    std::sort(keys, keys + count);
    return keys;
  }
  const auto [least, greatest] = std::minmax_element(keys, keys + count);
  const auto base = static_cast<std::uint64_t>(*least);
  const int bits = std::bit_width(static_cast<std::uint64_t>(*greatest) - base);
  for (int shift = 0; shift < bits; shift += digit_bits) {
    const auto digit = [base, shift](std::int64_t key) {
      return (static_cast<std::uint64_t>(key) - base) >> shift & (digit_values - 1);
    };
    std::size_t places[digit_values] = {};
    for (std::size_t i = 0; i < count; i++) places[digit(keys[i])]++;
    std::size_t place = 0;
    for (std::size_t& next : places) place += std::exchange(next, place);
    for (std::size_t i = 0; i < count; i++) scratch[places[digit(keys[i])]++] = keys[i];
    std::swap(keys, scratch);
  }
  return keys;
}

}  // namespace dap::bag
