// Nibble tables of the vectorized UTF-8 check: J. Keiser, D. Lemire, "Validating UTF-8 In Less Than One Instruction Per
// Byte" (2021).
#pragma once

#include <cstdint>

namespace dap::simd {

// What two neighbouring bytes can have wrong. A pair is wrong in a way if all three lookups (the first byte's high and
// low nibble, the second byte's high nibble) have that way's bit.
enum Utf8Pair : std::uint8_t {
  too_short = 1 << 0,   // a lead byte without a continuation
  too_long = 1 << 1,    // ASCII, then a continuation
  overlong_3 = 1 << 2,  // E0 80..9F
  too_large = 1 << 3,   // F4 90..BF, F5..FF 90..BF
  surrogate = 1 << 4,   // ED A0..BF
  overlong_2 = 1 << 5,  // C0..C1 80..BF
  overlong_4 = 1 << 6,  // F0 80..8F, and with the same bit F5..FF 80..8F
  two_follow = 1 << 7,  // two continuations: right only as the end of a character of three or four bytes
  any_low = too_short | too_long | two_follow,
};

alignas(16) inline constexpr std::uint8_t utf8_first_high[16] = {too_long,
                                                                 too_long,
                                                                 too_long,
                                                                 too_long,
                                                                 too_long,
                                                                 too_long,
                                                                 too_long,
                                                                 too_long,
                                                                 two_follow,
                                                                 two_follow,
                                                                 two_follow,
                                                                 two_follow,
                                                                 too_short | overlong_2,
                                                                 too_short,
                                                                 too_short | overlong_3 | surrogate,
                                                                 too_short | too_large | overlong_4};

alignas(16) inline constexpr std::uint8_t utf8_first_low[16] = {any_low | overlong_2 | overlong_3 | overlong_4,
                                                                any_low | overlong_2,
                                                                any_low,
                                                                any_low,
                                                                any_low | too_large,
                                                                any_low | too_large | overlong_4,
                                                                any_low | too_large | overlong_4,
                                                                any_low | too_large | overlong_4,
                                                                any_low | too_large | overlong_4,
                                                                any_low | too_large | overlong_4,
                                                                any_low | too_large | overlong_4,
                                                                any_low | too_large | overlong_4,
                                                                any_low | too_large | overlong_4,
                                                                any_low | too_large | overlong_4 | surrogate,
                                                                any_low | too_large | overlong_4,
                                                                any_low | too_large | overlong_4};

alignas(16) inline constexpr std::uint8_t utf8_second_high[16] = {
    too_short,
    too_short,
    too_short,
    too_short,
    too_short,
    too_short,
    too_short,
    too_short,
    too_long | two_follow | overlong_2 | overlong_3 | overlong_4,
    too_long | two_follow | overlong_2 | overlong_3 | too_large,
    too_long | two_follow | overlong_2 | surrogate | too_large,
    too_long | two_follow | overlong_2 | surrogate | too_large,
    too_short,
    too_short,
    too_short,
    too_short};

}  // namespace dap::simd
