// Decimals as 64-bit keys at a decimal scale (value = key / 10^scale), and the scale at which most of a bag's values
// are such keys.
#pragma once

#include <cstdint>

#include "engine/quantile/decimal.h"

namespace dap::bag {

using quantile::Decimal;

constexpr int least_scale = -18;
constexpr int most_scale = 18;
constexpr std::int64_t most_key = INT64_MAX;  // a key's amount; the smallest int64 is none
constexpr int most_places = 16383;            // behind the point, as far as a numeric goes

inline constexpr std::int64_t powers_of_ten[19] = {1,
                                                   10,
                                                   100,
                                                   1000,
                                                   10000,
                                                   100000,
                                                   1000000,
                                                   10000000,
                                                   100000000,
                                                   1000000000,
                                                   10000000000,
                                                   100000000000,
                                                   1000000000000,
                                                   10000000000000,
                                                   100000000000000,
                                                   1000000000000000,
                                                   10000000000000000,
                                                   100000000000000000,
                                                   1000000000000000000};

inline std::int64_t power_of_ten(int exponent) { return powers_of_ten[exponent]; }  // 0 to 18

// The value times 10^scale as a key, true if that is exact; else its floor, where below all keys is INT64_MIN and above
// them INT64_MAX.
bool scaled_key(const Decimal& value, int scale, std::int64_t* key);

// key / 10^scale as a decimal; `digits` has room for 8 and must outlive it.
Decimal key_decimal(std::int64_t key, int scale, std::uint16_t* digits);

// Digits behind the point, without trailing zeros; negative where the value ends in zeros before it. Not for zero.
int decimal_places(const Decimal& value);

// How many values are keys at each scale.
struct Survey {
  std::int64_t change[most_scale - least_scale + 2];
};
void survey_key(Survey* survey, std::int64_t key, int scale);
void survey_decimal(Survey* survey, const Decimal& value);
// The scale at which the most values are keys, of several the least.
int surveyed_scale(const Survey& survey);

}  // namespace dap::bag
