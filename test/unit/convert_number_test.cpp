#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "engine/convert/number.h"
#include "engine/convert/word.h"

namespace dap::convert {
namespace {

Status parse_int64(std::string_view text, bool takes_exponent, std::int64_t* value) {
  return parse_integer(text, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
                       takes_exponent, value);
}

std::string integer(std::string_view text, bool takes_exponent = true) {
  std::int64_t value = 0;
  switch (parse_int64(text, takes_exponent, &value)) {
    case Status::unexpected_exponent: return "exponent";
    case Status::ok: return std::to_string(value);
    case Status::out_of_range: return "range";
    case Status::would_be_rounded: return "rounded";
    default: return "malformed";
  }
}

TEST(ConvertNumber, IntegersAreWholeAsWritten) {
  EXPECT_EQ(integer("0"), "0");
  EXPECT_EQ(integer("-0"), "0");
  EXPECT_EQ(integer("+42"), "42");
  EXPECT_EQ(integer("\t\n\v\f\r 42 \t"), "42");
  EXPECT_EQ(integer("000000000000000000000000000042"), "42");
  EXPECT_EQ(integer("12.00"), "12");
  EXPECT_EQ(integer("1e3"), "1000");
  EXPECT_EQ(integer("1.25E+2"), "125");
  EXPECT_EQ(integer("1.25e1"), "rounded");
  EXPECT_EQ(integer("500e-2"), "5");
  EXPECT_EQ(integer("505e-2"), "rounded");
  EXPECT_EQ(integer("0e-999"), "0");
  EXPECT_EQ(integer("-00e1073741823"), "0");
  EXPECT_EQ(integer("0e-99999999999999999999"), "0");
  EXPECT_EQ(integer("0.000"), "0");
  EXPECT_EQ(integer("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(integer("9223372036854775808"), "range");
  EXPECT_EQ(integer("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(integer("-9223372036854775809"), "range");
  EXPECT_EQ(integer("9223372036854775807.000e0"), "9223372036854775807");
  EXPECT_EQ(integer("92233720368547758070"), "range");
  EXPECT_EQ(integer("18446744073709551616"), "range");
  EXPECT_EQ(integer("1e18"), "1000000000000000000");
  EXPECT_EQ(integer("1e19"), "range");
  EXPECT_EQ(integer("1e999999999999999999999999"), "range");
  EXPECT_EQ(integer("1e-999999999999999999999999"), "rounded");
}

// As an identifier, 12E4 is not 120000.
TEST(ConvertNumber, IntegersWithoutExponent) {
  for (const char* text : {"12E4", "12e4", "0e0", " 1e0 ", "1.5e1", "1e-1", "1e400", "1e999999999999999999999999",
                           "12.00e0", "9223372036854775808e0", "1e+2"})
    EXPECT_EQ(integer(text, false), "exponent") << text;
  for (const char* text : {"12E", "E4", "12E4x", "12 E4", "12E4.0"})
    EXPECT_EQ(integer(text, false), "malformed") << text;
  for (const char* text : {"12", " -12 ", "12.000", "000000000000000000000000000012", "12.0000000000000000000000000",
                           "9223372036854775807.0", "12.5", "9223372036854775808", "0.00"})
    EXPECT_EQ(integer(text, false), integer(text, true)) << text;
  EXPECT_EQ(integer("12.0000000000000000000000000", false), "12");
}

TEST(ConvertNumber, RefusesWhatTheGrammarDoesNot) {
  for (const char* text : {"",
                           " ",
                           "+",
                           "-",
                           ".",
                           ".5",
                           "5.",
                           "1e",
                           "1e+",
                           "e5",
                           "1.e5",
                           "--1",
                           "+-1",
                           "1 2",
                           "1,5",
                           "0x1",
                           "0b1",
                           "0o1",
                           "1_000",
                           "NaN",
                           "inf",
                           "1d",
                           "1e5.0",
                           "1e 5",
                           "- 1",
                           "\xc2\xa0"
                           "1",
                           "1\xc2\xa0",
                           "١"}) {
    EXPECT_EQ(integer(text), "malformed") << text;
    Decimal decimal;
    EXPECT_EQ(parse_decimal(text, &decimal), Status::malformed) << text;
    double value = 0;
    EXPECT_EQ(parse_double(text, &value), Status::malformed) << text;
  }
  EXPECT_EQ(integer(std::string_view("1\0", 2)), "malformed");
  EXPECT_EQ(integer(std::string_view(nullptr, 0)), "malformed");
}

TEST(ConvertNumber, NarrowIntegers) {
  std::int64_t value = 0;
  const auto parse = [&](std::string_view text) { return parse_integer(text, -32768, 32767, false, &value); };
  EXPECT_EQ(parse("32767"), Status::ok);
  EXPECT_EQ(value, 32767);
  EXPECT_EQ(parse("-32768"), Status::ok);
  EXPECT_EQ(parse("32768"), Status::out_of_range);
  EXPECT_EQ(parse("-32769.0000000000000000000"), Status::out_of_range);
}

Status fits(std::string_view text, int precision, int scale) {
  Decimal decimal;
  const Status status = parse_decimal(text, &decimal);
  return status == Status::ok ? fits_numeric(decimal, precision, scale) : status;
}

TEST(ConvertNumber, DecimalsLoseNoDigit) {
  EXPECT_EQ(fits("12.340", 18, 2), Status::ok);
  EXPECT_EQ(fits("12.345", 18, 2), Status::would_be_rounded);
  EXPECT_EQ(fits("1234567890123456.99", 18, 2), Status::ok);
  EXPECT_EQ(fits("12345678901234567", 18, 2), Status::out_of_range);
  EXPECT_EQ(fits("1e15", 18, 2), Status::ok);
  EXPECT_EQ(fits("1e16", 18, 2), Status::out_of_range);
  EXPECT_EQ(fits("0.99999e2", 4, 2), Status::would_be_rounded);
  EXPECT_EQ(fits("12500", 2, -3), Status::would_be_rounded);
  EXPECT_EQ(fits("12000", 2, -3), Status::ok);
  EXPECT_EQ(fits("0.00999", 3, 5), Status::ok);
  EXPECT_EQ(fits("0.01", 3, 5), Status::out_of_range);
  EXPECT_EQ(fits("0e5000", 3, 2), Status::ok);
  for (const char* zero :
       {"0e1073741822", "0e1073741823", "-00e1073741823", "0.0e-1073741823", "0e99999999999999999999"})
    EXPECT_EQ(fits(zero, 3, 2), Status::ok) << zero;
  for (const char* tiny : {"1e-1073741822", "1e-1073741823", "1e-99999999999999999999"})
    EXPECT_EQ(fits(tiny, 3, 2), Status::would_be_rounded) << tiny;
  for (const char* huge : {"1e1073741822", "1e1073741823", "0.001e99999999999999999999"})
    EXPECT_EQ(fits(huge, 3, 2), Status::out_of_range) << huge;
  EXPECT_EQ(fits(std::string(5000, '0') + "1." + std::string(5000, '0'), 3, 2), Status::ok);
}

TEST(ConvertNumber, ScaleOfUnconstrainedNumerics) {
  Decimal decimal;
  ASSERT_EQ(parse_decimal(" -12.340e1 ", &decimal), Status::ok);
  EXPECT_EQ(decimal.token, "-12.340e1");
  EXPECT_TRUE(decimal.negative);
  EXPECT_EQ(decimal.scale, 2);
  EXPECT_EQ(decimal.coefficient, 1234U);
  EXPECT_EQ(decimal.lowest_exponent, -1);
  std::int64_t scaled = 0;
  EXPECT_TRUE(scaled_integer(decimal, 2, &scaled));
  EXPECT_EQ(scaled, -12340);
  EXPECT_FALSE(scaled_integer(decimal, 0, &scaled));
  EXPECT_FALSE(scaled_integer(decimal, 18, &scaled));

  const auto unconstrained = [](const std::string& text) {
    Decimal value;
    EXPECT_EQ(parse_decimal(text, &value), Status::ok);
    return fits_unconstrained_numeric(value);
  };
  EXPECT_EQ(unconstrained("1e131071"), Status::ok);
  EXPECT_EQ(unconstrained("1e131072"), Status::out_of_range);
  EXPECT_EQ(unconstrained("0.1e131072"), Status::ok);
  EXPECT_EQ(unconstrained("1e-16383"), Status::ok);
  EXPECT_EQ(unconstrained("1e-16384"), Status::out_of_range);
  EXPECT_EQ(unconstrained("0e-16384"), Status::out_of_range);
  EXPECT_EQ(unconstrained("0e-1073741823"), Status::out_of_range);
  EXPECT_EQ(unconstrained("-0.0e1073741823"), Status::ok);
  EXPECT_EQ(unconstrained("1e1073741823"), Status::out_of_range);
  EXPECT_EQ(unconstrained("1e-1073741823"), Status::out_of_range);
  EXPECT_EQ(unconstrained("0." + std::string(16383, '0')), Status::ok);
  EXPECT_EQ(unconstrained("0." + std::string(16384, '0')), Status::out_of_range);
  EXPECT_EQ(unconstrained(std::string(200000, '0') + "1"), Status::ok);
}

TEST(ConvertNumber, ShortDecimalsAreReadAsLongOnes) {
  std::mt19937_64 random(7);
  int read = 0;
  for (int i = 0; i < 300000; ++i) {
    static const char characters[] = "0123456789012345678900.+- e";
    std::string text = random() % 3 == 0 ? "-" : "";
    const int length = static_cast<int>(random() % 22);
    for (int k = 0; k < length; ++k) text += characters[random() % (random() % 4 == 0 ? sizeof characters - 1 : 23)];
    const int scale = static_cast<int>(random() % 19);
    std::int64_t fast = 0;
    if (!read_short_decimal(text, scale, &fast)) continue;
    ++read;
    Decimal decimal;
    std::int64_t slow = 0;
    ASSERT_EQ(parse_decimal(text, &decimal), Status::ok) << text;
    ASSERT_EQ(fits_numeric(decimal, 18, scale), Status::ok) << text << ' ' << scale;
    ASSERT_TRUE(scaled_integer(decimal, scale, &slow)) << text << ' ' << scale;
    ASSERT_EQ(fast, slow) << text << ' ' << scale;
  }
  EXPECT_GT(read, 10000);
}

TEST(ConvertNumber, DoublesAreNearestAndNeverInfiniteOrLost) {
  double value = 1;
  EXPECT_EQ(parse_double("1.7976931348623157e308", &value), Status::ok);
  EXPECT_EQ(value, std::numeric_limits<double>::max());
  EXPECT_EQ(parse_double("1.7976931348623159e308", &value), Status::out_of_range);
  EXPECT_EQ(parse_double("4.9406564584124654e-324", &value), Status::ok);
  EXPECT_EQ(value, std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(parse_double("1e-324", &value), Status::out_of_range);
  EXPECT_EQ(parse_double("-1e999999999999999999999", &value), Status::out_of_range);
  EXPECT_EQ(parse_double("1e-999999999999999999999", &value), Status::out_of_range);
  EXPECT_EQ(parse_double("-0e999999999999999999999", &value), Status::ok);
  EXPECT_TRUE(value == 0 && std::signbit(value));
  EXPECT_EQ(parse_double("+0.1", &value), Status::ok);
  EXPECT_EQ(value, 0.1);
  float single = 0;
  EXPECT_EQ(parse_float("16777217", &single), Status::ok);
  EXPECT_EQ(single, 16777216.0F);
  EXPECT_EQ(parse_float("1e-46", &single), Status::out_of_range);
  EXPECT_EQ(parse_float("3.5e38", &single), Status::out_of_range);
}

TEST(ConvertNumber, RandomNumbersAgreeWithTheCLibrary) {
  std::mt19937_64 random(20240229);
  for (int i = 0; i < 200000; ++i) {
    std::string text = random() % 2 != 0 ? "-" : "";
    const int whole = 1 + static_cast<int>(random() % 22);
    for (int k = 0; k < whole; ++k) text += static_cast<char>('0' + random() % 10);
    if (random() % 2 != 0) {
      text += '.';
      const int fraction = 1 + static_cast<int>(random() % 22);
      for (int k = 0; k < fraction; ++k) text += static_cast<char>('0' + (random() % 3 != 0 ? 0 : random() % 10));
    }
    if (random() % 3 == 0) text += "e" + std::to_string(static_cast<int>(random() % 700) - 350);
    double value = 0;
    const Status status = parse_double(text, &value);
    const double expected = std::strtod(text.c_str(), nullptr);
    const bool is_zero =
        text.find_first_of("123456789") >= text.find('e') || text.find_first_of("123456789") == std::string::npos;
    if (std::isinf(expected) || (expected == 0 && !is_zero)) {
      ASSERT_EQ(status, Status::out_of_range) << text;
    } else {
      ASSERT_EQ(status, Status::ok) << text;
      ASSERT_EQ(value, expected) << text;
    }
    std::int64_t plain = 0;
    std::int64_t mine = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), plain);
    if (end == text.data() + text.size()) {
      ASSERT_EQ(parse_int64(text, true, &mine) == Status::ok, error == std::errc{}) << text;
      if (error == std::errc{}) {
        ASSERT_EQ(mine, plain) << text;
      }
    }
  }
}

TEST(ConvertWord, Booleans) {
  bool value = false;
  for (const char* text : {"t", "tr", "TRUE", "y", "Yes", "on", "1", " on\t"}) {
    value = false;
    EXPECT_EQ(parse_boolean(text, &value), Status::ok) << text;
    EXPECT_TRUE(value) << text;
  }
  for (const char* text : {"f", "fal", "FALSE", "n", "No", "of", "off", "0", "\n0 "}) {
    value = true;
    EXPECT_EQ(parse_boolean(text, &value), Status::ok) << text;
    EXPECT_FALSE(value) << text;
  }
  for (const char* text : {"", " ", "o", "truee", "tx", "10", "00", "2", "-1", "offf", "yess", "no!", "t t"}) {
    EXPECT_EQ(parse_boolean(text, &value), Status::malformed) << text;
  }
}

TEST(ConvertWord, Uuids) {
  const std::uint8_t expected[16] = {0xa0, 0xee, 0xbc, 0x99, 0x9c, 0x0b, 0x4e, 0xf8,
                                     0xbb, 0x6d, 0x6b, 0xb9, 0xbd, 0x38, 0x0a, 0x11};
  for (const char* text : {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
                           "{a0eebc999c0b4ef8bb6d6bb9bd380a11}", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
                           "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}"}) {
    std::uint8_t bytes[16] = {};
    EXPECT_EQ(parse_uuid(text, bytes), Status::ok) << text;
    EXPECT_EQ(0, std::memcmp(bytes, expected, 16)) << text;
  }
  for (const char* text :
       {"", "{", "}", "{}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111",
        "-a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11-", "a0-eebc999c0b4ef8bb6d6bb9bd380a11",
        "a0ee--bc999c0b4ef8bb6d6bb9bd380a11", "{a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11}",
        " a0eebc999c0b4ef8bb6d6bb9bd380a11", "g0eebc999c0b4ef8bb6d6bb9bd380a11"}) {
    std::uint8_t bytes[16] = {};
    EXPECT_EQ(parse_uuid(text, bytes), Status::malformed) << text;
  }
}

}  // namespace
}  // namespace dap::convert
