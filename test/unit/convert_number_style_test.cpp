#include "engine/convert/number_style.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace dap::convert {
namespace {

// The plain form, or "-" for a text that is no number.
std::string plain(const NumberStyle& style, std::string_view text) {
  std::vector<char> room(text.size() + plain_number_room);  // so that a sanitizer sees a byte too many
  std::string_view result;
  if (plain_number(style, text, room.data(), &result) != Status::ok) return "-";
  return std::string(result);
}

constexpr std::string_view point[] = {"."};
constexpr std::string_view blanks[] = {" ", "\u00a0", "\u202f"};
constexpr std::string_view apostrophes[] = {"'", "\u2019"};

NumberStyle german() {
  NumberStyle style;
  style.decimal = ",";
  style.thousands = point;
  style.thousands_count = 1;
  return style;
}

NumberStyle with_affixes(const std::vector<Affix>& affixes) {
  NumberStyle style;
  style.affixes = affixes.data();
  style.affix_count = static_cast<int>(affixes.size());
  style.blanks[0] = "\u00a0";
  style.blanks[1] = "\u202f";
  return style;
}

TEST(NumberStyle, PlainNumbersStayThemselves) {
  const NumberStyle style;
  for (const char* text : {"0", "-0", "12.340", "007", "1e3", "1.5E-7", "-12e+4", "0.123"})
    EXPECT_EQ(plain(style, text), text);
  EXPECT_EQ(plain(style, " \t+5.0\n"), "5.0");
  for (const char* text : {"",    " ",   "+",     "-",     ".",     ".5",  "5.",    "--5",     "- 5",     "+-5", "5-",
                           "(5)", "5 %", "1,000", "1 000", "5 EUR", "1x5", "1.2.3", "\u22125", "\u00a05", "1e",  "NaN"})
    EXPECT_EQ(plain(style, text), "-") << text;
}

TEST(NumberStyle, DecimalCommaAndGroups) {
  const NumberStyle style = german();
  EXPECT_EQ(plain(style, "1.234.567,89"), "1234567.89");
  EXPECT_EQ(plain(style, "1234567,89"), "1234567.89");
  EXPECT_EQ(plain(style, "-1.500"), "-1500");
  EXPECT_EQ(plain(style, "12.345,0"), "12345.0");
  EXPECT_EQ(plain(style, "0,5"), "0.5");
  EXPECT_EQ(plain(style, "1.234,5e3"), "1234.5e3");
  for (const char* text :
       {"1.5",      "1.23.456", "1.23",      "1.2345", "1234.567", "1.234.56", "1,234.567", "1,5,5",
        "1,5.000",  "1..000",   ".123",      "1.234.", ",5",       "5,",       ".",         ",",
        "1.234567", "1 234",    "1.234e1.5", "1.e5",   "1,e5",     "0.123",    "00.123",    "01.234"})
    EXPECT_EQ(plain(style, text), "-") << text;
}

TEST(NumberStyle, SeparatorsOfSeveralKinds) {
  NumberStyle style;
  style.decimal = ",";
  style.thousands = blanks;
  style.thousands_count = 3;
  EXPECT_EQ(plain(style, "1 234 567,8"), "1234567.8");
  EXPECT_EQ(plain(style, "1\u00a0234\u00a0567"), "1234567");
  EXPECT_EQ(plain(style, " 1\u202f234 "), "1234");
  for (const char* text : {"1 234\u00a0567", "1  234", "1 23", "12 34", "- 1 234", "1\u2009234", "1\xc2", "1\xc2\xa0"})
    EXPECT_EQ(plain(style, text), "-") << text;
  style.decimal = ".";
  style.thousands = apostrophes;
  style.thousands_count = 2;
  EXPECT_EQ(plain(style, "1'234'567.05"), "1234567.05");
  EXPECT_EQ(plain(style, "12\u2019345"), "12345");
  EXPECT_EQ(plain(style, "1'234\u2019567"), "-");
}

TEST(NumberStyle, NegativeForms) {
  NumberStyle style;
  style.other_minus = "\u2212";
  style.trailing = style.parentheses = true;
  for (const char* text : {"-5", "5-", "(5)", "\u22125", "5\u2212", "( 5 )", " (5) "})
    EXPECT_EQ(plain(style, text), "-5") << text;
  EXPECT_EQ(plain(style, "(0.00)"), "-0.00");
  for (const char* text : {"-5-", "(-5)", "-(5)", "(5", "5)", "((5))", "(5)-", "5 -", "- 5", "5+", "()", "(", "--5",
                           "5--", "\u2212-5", "\u2212 5", "+(5)", ")5("})
    EXPECT_EQ(plain(style, text), "-") << text;
  style.sign = false;
  for (const char* text : {"-5", "+5"}) EXPECT_EQ(plain(style, text), "-") << text;
  style.trailing = false;
  for (const char* text : {"5-", "5\u2212"}) EXPECT_EQ(plain(style, text), "-") << text;
  EXPECT_EQ(plain(style, "\u22125"), "-5");
}

TEST(NumberStyle, TextsBeside) {
  const std::vector<Affix> affixes = {{"$", AffixMeaning::none},   {"€", AffixMeaning::none},
                                      {"EUR", AffixMeaning::none}, {"US$", AffixMeaning::none},
                                      {"CR", AffixMeaning::plus},  {"DR", AffixMeaning::minus}};
  NumberStyle style = with_affixes(affixes);
  style.parentheses = style.trailing = true;
  for (const char* text : {"5", "$5", "$ 5", "5$", "5 EUR", "5\u00a0€", "€\u202f5", "US$ 5", "€ 5 EUR", "5CR", "5 CR",
                           "$5 CR", "5 EUR CR", "+$5", "€ +5", "CR 5"})
    EXPECT_EQ(plain(style, text), "5") << text;
  for (const char* text : {"-$5", "$-5", "($5)", "$(5)", "$ ( 5 )", "(5 EUR)", "(5) EUR", "5- EUR", "5 EUR-", "- $5",
                           "5DR", "DR5", "5 EUR DR", "$5DR"})
    EXPECT_EQ(plain(style, text), "-5") << text;
  for (const char* text : {"$", "$$5", "$ €5", "5 $ €", "-5CR", "-5DR", "(5)DR", "5CRDR", "CR5CR", "$ - 5", "5 GBP",
                           "5eur", "5 E", "US $5", "5 - EUR", "$5$5", "5\u00a0", "CRDR"})
    EXPECT_EQ(plain(style, text), "-") << text;
}

TEST(NumberStyle, TwoReadingsAreNone) {
  const std::vector<Affix> affixes = {
      {"C", AffixMeaning::none}, {"R", AffixMeaning::minus}, {"CR", AffixMeaning::plus}};
  const NumberStyle style = with_affixes(affixes);
  EXPECT_EQ(plain(style, "5CR"), "-");
  EXPECT_EQ(plain(style, "5C"), "5");
  EXPECT_EQ(plain(style, "5R"), "-5");
  EXPECT_EQ(plain(style, "5 C R"), "-5");
  // Two ways to the same number are one.
  const std::vector<Affix> harmless = {{"k", AffixMeaning::none}, {"kr", AffixMeaning::none}};
  EXPECT_EQ(plain(with_affixes(harmless), "5 kr"), "5");
}

TEST(NumberStyle, HundredthsToTheLastDigit) {
  NumberStyle style = german();
  style.percent = style.parentheses = true;
  const std::pair<const char*, const char*> cases[] = {
      {"12 %", "0.12"},      {"12%", "0.12"},         {"5%", "0.05"},          {"0%", "0.00"},
      {"-3,25%", "-0.0325"}, {"123,456%", "1.23456"}, {"100 %", "1.00"},       {"1.234,5%", "12.345"},
      {"%5", "0.05"},        {"% 12,5", "0.125"},     {"(5%)", "-0.05"},       {"(5)%", "-0.05"},
      {"0,5e3%", "0.005e3"}, {"00012%", "000.12"},    {"1234567%", "12345.67"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(plain(style, text), expected) << text;
  for (const char* text : {"12", "12%%", "%12%", "%", "1%2", "12 % %", "-", "12 pct"})
    EXPECT_EQ(plain(style, text), "-") << text;
}

TEST(NumberStyle, LongTexts) {
  const NumberStyle style = german();
  std::string text = "123";
  std::string expected = "123";
  for (int i = 0; i < 10000; ++i) text += ".456", expected += "456";
  EXPECT_EQ(plain(style, text + ",7"), expected + ".7");
  EXPECT_EQ(plain(style, text + ".7"), "-");
  EXPECT_EQ(plain(style, std::string(100000, '.') + "5"), "-");
}

TEST(NumberStyle, ShortNumbersInOnePass) {
  const NumberStyle style = german();
  const auto read = [&style](std::string_view text, int scale) {
    std::int64_t value = 0;
    return read_short_number(style, text, scale, &value) ? std::to_string(value) : "-";
  };
  EXPECT_EQ(read("1.234.567,89", 2), "123456789");
  EXPECT_EQ(read("-1234567,8", 2), "-123456780");
  EXPECT_EQ(read("+1.000", 0), "1000");
  EXPECT_EQ(read("0,5", 17), "50000000000000000");
  EXPECT_EQ(read("999.999.999.999.999.999", 0), "999999999999999999");
  EXPECT_EQ(read("9.999.999.999.999.999,99", 2), "999999999999999999");
  for (const char* text : {"", "-", "+", "1.23", "1.2345", "0.123", "1234.567", "1,", ",1", "1,234", "1.000.", "1..000",
                           "1 ", "10.000.000.000.000.000,00", "1e2", "(5)", "1,5.000"})
    EXPECT_EQ(read(text, 2), "-") << text;
  NumberStyle percent = style;
  percent.percent = true;
  std::int64_t value = 0;
  EXPECT_FALSE(read_short_number(percent, "12", 2, &value));
}

}  // namespace
}  // namespace dap::convert
