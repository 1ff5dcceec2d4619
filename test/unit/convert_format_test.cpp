#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "engine/convert/format.h"

namespace dap::convert {
namespace {

FormatError error_of(std::string_view text) {
  Format format;
  return compile_format(text, &format).error;
}

Format compiled(std::string_view text) {
  Format format{};
  EXPECT_EQ(compile_format(text, &format).error, FormatError::none) << text;
  return format;
}

std::string read(std::string_view format, std::string_view text) {
  CivilTime moment;
  const Status status = parse_by_format(compiled(format), text, &moment);
  if (status == Status::no_such_time) return "no such time";
  if (status == Status::would_be_rounded) return "rounded";
  if (status != Status::ok) return "malformed";
  std::string result = std::to_string(moment.day) + "/" + std::to_string(moment.microsecond);
  if (moment.has_offset) result += "/" + std::to_string(moment.offset_seconds);
  return result;
}

TEST(ConvertFormat, Compiles) {
  EXPECT_EQ(error_of("YYYY-MM-DD"), FormatError::none);
  EXPECT_EQ(error_of("yyyymmddhh24miss"), FormatError::none);
  EXPECT_EQ(error_of("Month DD, YYYY"), FormatError::none);
  EXPECT_EQ(error_of("YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\""), FormatError::none);
  EXPECT_EQ(error_of("DD/MM/YY"), FormatError::two_digit_year);
  EXPECT_EQ(error_of("DD/MM/YYY"), FormatError::two_digit_year);
  EXPECT_EQ(error_of("YYYY-DDD"), FormatError::unsupported_word);
  EXPECT_EQ(error_of("YYYY-MM-DD SSSS"), FormatError::unsupported_word);
  EXPECT_EQ(error_of("FMDD.MM.YYYY"), FormatError::unsupported_word);
  EXPECT_EQ(error_of("YYYY-MM-DDTHH24"), FormatError::unsupported_word);
  EXPECT_EQ(error_of("YYYY-MM-DD 5"), FormatError::unknown_word);
  EXPECT_EQ(error_of("YYYY-MM-DDX"), FormatError::unknown_word);
  EXPECT_EQ(error_of("YYYY-MM-DD \"a"), FormatError::open_quote);
  EXPECT_EQ(error_of("YYYY-MM-DD DD"), FormatError::repeated_part);
  EXPECT_EQ(error_of("YYYY-Mon-MM-DD"), FormatError::repeated_part);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24 HH12"), FormatError::repeated_part);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24:MI:SS.MSUS"), FormatError::repeated_part);
  EXPECT_EQ(error_of("MM-DD"), FormatError::missing_year);
  EXPECT_EQ(error_of("YYYY-DD"), FormatError::missing_month);
  EXPECT_EQ(error_of("YYYY-MM"), FormatError::missing_day);
  EXPECT_EQ(error_of(""), FormatError::missing_year);
  EXPECT_EQ(error_of("YYYY-MM-DD HH12"), FormatError::hour12_and_meridiem);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24 AM"), FormatError::hour12_and_meridiem);
  EXPECT_EQ(error_of("YYYY-MM-DD AM"), FormatError::hour12_and_meridiem);
  EXPECT_EQ(error_of("YYYY-MM-DD MI"), FormatError::minute_without_hour);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24 SS"), FormatError::second_without_minute);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24:MI.MS"), FormatError::fraction_without_second);
  EXPECT_EQ(error_of("YYYY-MM-DDTZH"), FormatError::offset_without_hour);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24 TZM"), FormatError::minute_of_offset_alone);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24OF:MI"), FormatError::offset_not_last);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24 OFTZM"), FormatError::minute_of_offset_alone);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24:MI:SS.FF9"), FormatError::none);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24:MI:SS.FF"), FormatError::none);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24:MI:SS.FF\"Z\""), FormatError::none);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24:MI:SS.FFTZH:TZM"), FormatError::none);
  EXPECT_EQ(error_of("HH24:MI:SS.FFYYYY-MM-DD"), FormatError::digit_after_fraction);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24:MI:SS.FF\"0\""), FormatError::digit_after_fraction);
  EXPECT_EQ(error_of("HH24:MI:SS.FF3YYYY-MM-DD"), FormatError::none);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24:MI:SS.FF0"), FormatError::unknown_word);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24:MI:SS.FF FF3"), FormatError::repeated_part);
  EXPECT_EQ(error_of("YYYY-MM-DD HH24:MI.FF"), FormatError::fraction_without_second);
  EXPECT_EQ(error_of(std::string(200, 'Y')), FormatError::too_long);
  EXPECT_EQ(error_of("YYYYMMDD" + std::string(70, '-')), FormatError::too_long);
}

TEST(ConvertFormat, Reads) {
  EXPECT_EQ(read("DD.MM.YYYY", "02.01.2000"), "1/0");
  EXPECT_EQ(read(" DD.MM.YYYY ", "\t02.01.2000 "), "1/0");
  EXPECT_EQ(read("DD.MM.YYYY", "31.04.2000"), "no such time");
  EXPECT_EQ(read("DD.MM.YYYY", "32.01.2000"), "no such time");
  EXPECT_EQ(read("DD.MM.YYYY", "01.01.0000"), "no such time");
  EXPECT_EQ(read("DD.MM.YYYY", "1.01.2000"), "malformed");
  EXPECT_EQ(read("DD.MM.YYYY", "01.01.200"), "malformed");
  EXPECT_EQ(read("DD.MM.YYYY", "01.01.20000"), "malformed");
  EXPECT_EQ(read("DD.MM.YYYY", ""), "malformed");
  EXPECT_EQ(read("YYYYMMDD", "20000102"), "1/0");
  EXPECT_EQ(read("DD-Mon-YYYY", "02-JAN-2000"), "1/0");
  EXPECT_EQ(read("DD-Mon-YYYY", "02-January-2000"), "malformed");
  EXPECT_EQ(read("DD MonthYYYY", "02 january2000"), "1/0");
  EXPECT_EQ(read("Month DD, YYYY", "May 02, 2000"), "122/0");
  EXPECT_EQ(read("Month DD, YYYY", "Mai 02, 2000"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.MS", "2000-01-01 00:00:01.234"), "0/1234000");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF1", "2000-01-01 00:00:01.2"), "0/1200000");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.US", "2000-01-01 00:00:01.000234"), "0/1000234");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.US", "2000-01-01 00:00:01.0002345"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF9", "2000-01-01 00:00:01.000234000"), "0/1000234");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF9", "2000-01-01 00:00:01.000234001"), "rounded");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF9", "2000-02-30 00:00:01.000234001"), "no such time");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF9", "2000-01-01 00:00:01.00023400"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF7", "2000-01-01 00:00:01.0000000"), "0/1000000");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF", "2000-01-01 00:00:01.5"), "0/1500000");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF", "2000-01-01 00:00:01." + std::string(70000, '0')), "0/1000000");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF", "2000-01-01 00:00:01." + std::string(70000, '0') + "1"), "rounded");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF", "2000-01-01 00:00:01."), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF", "2000-01-01 00:00:01.5x"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF", "2000-01-01 00:00:01.12345678x"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF \"UTC\"", "2000-01-01 00:00:01.123456000 UTC"), "0/1123456");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF \"UTC\"", "2000-01-01 00:00:01.123456001 UTC"), "rounded");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FFTZH:TZM", "2000-01-01 00:00:01.5+05:30"), "0/1500000/19800");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FFOF", "2000-01-01 00:00:01.0000005Z"), "rounded");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FFOF", "2000-01-01 00:00:01.5000000Z"), "0/1500000/0");
  EXPECT_EQ(read("YYYY-MM-DD HH12 AM", "2000-01-01 12 am"), "0/0");
  EXPECT_EQ(read("YYYY-MM-DD HH12 AM", "2000-01-01 12 PM"), "0/43200000000");
  EXPECT_EQ(read("YYYY-MM-DD AM HH12", "2000-01-01 Pm 11"), "0/82800000000");
  EXPECT_EQ(read("YYYY-MM-DD HH12 p.m.", "2000-01-01 01 a.m."), "0/3600000000");
  EXPECT_EQ(read("YYYY-MM-DD HH12 p.m.", "2000-01-01 01 am"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH12 AM", "2000-01-01 00 am"), "no such time");
  EXPECT_EQ(read("YYYY-MM-DD HH24", "2000-01-01 24"), "no such time");
  EXPECT_EQ(read("YYYY-MM-DD HH24 TZH:TZM", "2000-01-01 10 -05:30"), "0/36000000000/-19800");
  EXPECT_EQ(read("YYYY-MM-DD HH24 TZH", "2000-01-01 10 +15"), "0/36000000000/54000");
  EXPECT_EQ(read("YYYY-MM-DD HH24 TZH", "2000-01-01 10 +16"), "no such time");
  EXPECT_EQ(read("YYYY-MM-DD HH24 TZH", "2000-01-01 10 05"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24OF", "2000-01-01 10Z"), "0/36000000000/0");
  EXPECT_EQ(read("YYYY-MM-DD HH24OF", "2000-01-01 10-03"), "0/36000000000/-10800");
  EXPECT_EQ(read("YYYY-MM-DD HH24OF", "2000-01-01 10+0330"), "0/36000000000/12600");
  EXPECT_EQ(read("YYYY-MM-DD HH24OF", "2000-01-01 10+03:30"), "0/36000000000/12600");
  EXPECT_EQ(read("YYYY-MM-DD HH24OF", "2000-01-01 10+03:"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24OF", "2000-01-01 10+033"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24OF", "2000-01-01 10"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24OF", "2000-01-01 10+03:60"), "no such time");
  EXPECT_EQ(read("YYYY-MM-DD HH24OF", "2000-01-01 10+20"), "no such time");
  EXPECT_EQ(read("\"\\\"am \"YYYY-MM-DD", "\"am 2000-01-02"), "1/0");
  EXPECT_EQ(read("\"on \"YYYY-MM-DD", "On 2000-01-02"), "malformed");
}

// That there is no such day is the reason only where the text is written as the format says.
TEST(ConvertFormat, NoSuchTimeOnlyInTheFormatsShape) {
  EXPECT_EQ(read("DD.MM.YYYY", "52"), "malformed");
  EXPECT_EQ(read("DD.MM.YYYY", "52 rue x"), "malformed");
  EXPECT_EQ(read("DD.MM.YYYY", "2026-01-05"), "malformed");
  EXPECT_EQ(read("DD.MM.YYYY", "5.1.2026"), "malformed");
  EXPECT_EQ(read("DD.MM.YYYY", "99.99.9999"), "no such time");
  EXPECT_EQ(read("DD.MM.YYYY", "00.01.2026"), "no such time");
  EXPECT_EQ(read("MM/DD/YYYY", "31/12/2026"), "no such time");
  EXPECT_EQ(read("MM/DD/YYYY", "31/12/26"), "malformed");
  EXPECT_EQ(read("MM/DD/YYYY", "31/12/2026 10:00"), "malformed");
  EXPECT_EQ(read("YYYYMMDD", "20269999"), "no such time");
  EXPECT_EQ(read("YYYYMMDD", "2026999"), "malformed");
  EXPECT_EQ(read("YYYYMMDD", "2026-12-31"), "malformed");
  EXPECT_EQ(read("DD Mon YYYY", "99 Foo 2026"), "malformed");
  EXPECT_EQ(read("DD Mon YYYY", "99 Jan 2026"), "no such time");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI", "2026-01-01 99:99"), "no such time");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI", "2026-01-01 99"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MIOF", "2026-01-01 10:00+99:99"), "no such time");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MIOF", "2026-01-01 10:00+99:9"), "malformed");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF", "2026-01-01 10:00:99.5"), "no such time");
  EXPECT_EQ(read("YYYY-MM-DD HH24:MI:SS.FF", "2026-01-01 10:00:99."), "malformed");
}

Overlap overlap(std::string_view one, std::string_view other, int lowest = 1900, int highest = 2199,
                std::string* witness = nullptr) {
  char text[max_witness];
  int length = 0;
  const Overlap result = find_overlap(compiled(one), compiled(other), lowest, highest, text, &length);
  if (witness != nullptr) witness->assign(text, static_cast<std::size_t>(length));
  return result;
}

TEST(ConvertFormat, Overlaps) {
  std::string witness;
  EXPECT_EQ(overlap("DD/MM/YYYY", "MM/DD/YYYY", 1900, 2199, &witness), Overlap::found);
  EXPECT_NE(read("DD/MM/YYYY", witness), read("MM/DD/YYYY", witness));
  EXPECT_EQ(overlap("DD/MM/YYYY", "DD/MM/YYYY"), Overlap::none);
  EXPECT_EQ(overlap("DD/MM/YYYY", "DD.MM.YYYY"), Overlap::none);
  EXPECT_EQ(overlap("DD Mon YYYY", "DD Month YYYY"), Overlap::none);  // May is May
  EXPECT_EQ(overlap("YYYYMMDD", "DDMMYYYY"), Overlap::none);
  EXPECT_EQ(overlap("YYYYMMDD", "DDMMYYYY", 1, 9999), Overlap::found);
  EXPECT_EQ(overlap("YYYYDDMM", "YYYYMMDD"), Overlap::found);
  EXPECT_EQ(overlap("YYYYMMDDHH24MISS", "YYYYMMDDMISSHH24"), Overlap::found);
  EXPECT_EQ(overlap("HH24MISS YYYYMMDD", "SSMIHH24 DDMMYYYY"), Overlap::none);
  EXPECT_EQ(overlap("YYYY-MM-DD HH24:MI \"AM\"", "YYYY-MM-DD HH12:MI AM"), Overlap::found);
  EXPECT_EQ(overlap("YYYY-MM-DD HH24:MI \"PM\"", "YYYY-MM-DD HH12:MI AM"), Overlap::found);
  EXPECT_EQ(overlap("YYYY-MM-DD HH24:MI:SS.MS", "YYYY-MM-DD HH24:MI:SS.FF3"), Overlap::none);
  for (const char* fraction : {"FF", "FF1", "MS", "US", "FF7", "FF9"}) {
    for (const char* other : {"FF", "FF2", "US", "FF8", "FF9"}) {
      const std::string before = "YYYY-MM-DD HH24:MI:SS.";
      EXPECT_EQ(overlap(before + fraction, before + other), Overlap::none) << fraction << ' ' << other;
      EXPECT_EQ(overlap(before + fraction + "OF", before + other + "TZH"), Overlap::none) << fraction << ' ' << other;
    }
  }
  EXPECT_EQ(overlap("YYYY-MM-DD HH24:MI:SS.FF", "YYYY-MM-DD HH24:MI:SS"), Overlap::none);
  EXPECT_EQ(overlap("YYYY-MM-DD HH24:MI:SS.FF\"+05\"", "YYYY-MM-DD HH24:MI:SS.FFOF"), Overlap::found);
  EXPECT_EQ(overlap("DD/MM/YYYY HH24:MI:SS.FF", "MM/DD/YYYY HH24:MI:SS.FF"), Overlap::found);
  EXPECT_EQ(overlap("HH24:MI:SS.FF3YYYYMMDD", "HH24:MI:SS.FF5YYYYMMDD"), Overlap::none);
  EXPECT_EQ(overlap("HH24:MI:SS.FF3YYYYDDMM\"01\"", "HH24:MI:SS.FF5YYYYMMDD"), Overlap::found);
  EXPECT_EQ(overlap("YYYY-MM-DD HH24:MITZH", "YYYY-MM-DD HH24:MIOF"), Overlap::none);
  EXPECT_EQ(overlap("YYYY-MM-DD HH24:MITZHTZM", "YYYY-MM-DD HH24:MIOF"), Overlap::none);
  EXPECT_EQ(overlap("YYYY-MM-DD HH24:MI\"+05\"", "YYYY-MM-DD HH24:MIOF"), Overlap::found);
  EXPECT_EQ(overlap("YYYY-MM-DD HH24:MI:SS", "YYYY-MM-DD MI:HH24:SS"), Overlap::found);
}

// The search against brute force: texts written by one format are read by the other.
std::string write(const Format& format, std::mt19937& random) {
  static const char* const names[] = {"january", "february", "march",     "april",   "may",      "june",
                                      "july",    "august",   "september", "october", "november", "december"};
  // Small numbers and pairs that can stand for each other are what makes texts ambiguous.
  static const int pairs[] = {1, 2, 3, 10, 11, 12, 19, 20, 21};
  const auto two = [&](int lowest, int highest) {
    int value = pairs[random() % 9];
    while (value < lowest || value > highest) value = pairs[random() % 9];
    return std::string(1, static_cast<char>('0' + value / 10)) + static_cast<char>('0' + value % 10);
  };
  std::string text;
  for (int i = 0; i < format.count; ++i) {
    const Format::Item& item = format.items[i];
    switch (item.element) {
      case Element::literal: text += item.character; break;
      case Element::year: text += two(19, 21) + two(0, 99); break;
      case Element::month: text += two(1, 12); break;
      case Element::month_short: text += std::string(names[random() % 12]).substr(0, 3); break;
      case Element::month_name: text += names[random() % 12]; break;
      case Element::day: text += two(1, 31); break;
      case Element::hour24: text += two(0, 23); break;
      case Element::hour12: text += two(1, 12); break;
      case Element::minute:
      case Element::second: text += two(0, 59); break;
      case Element::fraction:
        for (int k = 0, digits = item.digits ? item.digits : 1 + static_cast<int>(random() % 7); k < digits; ++k)
          text += static_cast<char>('0' + random() % 3);
        break;
      case Element::meridiem: text += random() % 2 != 0 ? "am" : "pm"; break;
      case Element::dotted_meridiem: text += random() % 2 != 0 ? "a.m." : "p.m."; break;
      case Element::zone_hour: text += (random() % 2 != 0 ? "+" : "-") + two(0, 15); break;
      case Element::zone_minute: text += two(0, 59); break;
      case Element::offset:
        text += random() % 3 == 0 ? "Z" : random() % 2 != 0 ? "+" + two(0, 15) : "-" + two(0, 15) + ":" + two(0, 59);
        break;
    }
  }
  return text;
}

TEST(ConvertFormat, OverlapSearchAgreesWithBruteForce) {
  std::mt19937 random(1582);
  const std::vector<std::string> dates = {"YYYY", "MM", "DD"};
  const auto random_format = [&]() {
    std::vector<std::string> parts = dates;
    if (random() % 4 == 0) parts[1] = random() % 2 != 0 ? "Mon" : "Month";
    const int time = static_cast<int>(random() % 6);
    if (time >= 1) parts.push_back(time == 5 ? "HH12" : "HH24");
    if (time == 5) parts.push_back(random() % 2 != 0 ? "AM" : "P.M.");
    if (time >= 2) parts.push_back("MI");
    if (time >= 3) parts.push_back("SS");
    static const char* const fractions[] = {"MS", "FF2", "FF", "FF8"};
    if (time >= 4) parts.push_back(fractions[random() % 4]);
    const bool offset = time >= 1 && random() % 4 == 0;
    if (offset && random() % 2 != 0) {
      parts.push_back("TZH");
      if (random() % 2 != 0) parts.push_back("TZM");
    }
    for (std::size_t i = parts.size(); i > 1; --i) {
      if (random() % 2 != 0) std::swap(parts[i - 1], parts[random() % i]);
    }
    std::string text;
    for (const std::string& part : parts) {
      static const char* const between[] = {"", "", "-", "/", " ", "\"am\"", "\"01\""};
      if (!text.empty()) text += between[random() % 7];
      text += part;
    }
    if (offset && text.find("TZH") == std::string::npos) text += "OF";
    return text;
  };
  int found = 0;
  int none = 0;
  for (int round = 0; round < 1200; ++round) {
    const std::string texts[2] = {random_format(), round % 3 == 0 ? random_format() : ""};
    std::string other = texts[1];
    if (other.empty()) {
      // Near relatives: two parts exchanged.
      other = texts[0];
      static const char* const swaps[][2] = {{"MM", "DD"},   {"MI", "SS"},     {"MI", "MM"},
                                             {"HH24", "MI"}, {"Mon", "Month"}, {"MS", "FF"}};
      const auto& swap = swaps[random() % 6];
      const std::size_t first = other.find(swap[0]);
      const std::size_t second = other.find(swap[1]);
      if (first == std::string::npos) continue;
      if (second == std::string::npos) {
        other.replace(first, std::string(swap[0]).size(), swap[1]);
      } else if (first < second) {
        other = other.substr(0, first) + swap[1] +
                other.substr(first + std::string(swap[0]).size(), second - first - std::string(swap[0]).size()) +
                swap[0] + other.substr(second + std::string(swap[1]).size());
      }
    }
    Format one{};
    Format two{};
    if (compile_format(texts[0], &one).error != FormatError::none ||
        compile_format(other, &two).error != FormatError::none)
      continue;
    char witness[max_witness];
    int length = 0;
    const Overlap result = find_overlap(one, two, 1900, 2199, witness, &length);
    if (result == Overlap::found) {
      ++found;
      CivilTime first;
      CivilTime second;
      const std::string_view text(witness, static_cast<std::size_t>(length));
      ASSERT_EQ(parse_by_format(one, text, &first), Status::ok) << texts[0] << " | " << other << " | " << text;
      ASSERT_EQ(parse_by_format(two, text, &second), Status::ok) << texts[0] << " | " << other << " | " << text;
      ASSERT_TRUE(first.has_offset != second.has_offset || first.utc_microseconds() != second.utc_microseconds());
      continue;
    }
    if (result == Overlap::undecided) continue;
    ++none;
    for (int i = 0; i < 300; ++i) {
      const Format& writer = i % 2 != 0 ? one : two;
      const Format& reader = i % 2 != 0 ? two : one;
      const std::string text = write(writer, random);
      CivilTime first;
      CivilTime second;
      if (parse_by_format(writer, text, &first) != Status::ok || parse_by_format(reader, text, &second) != Status::ok)
        continue;
      const auto in_years = [](const CivilTime& moment) {
        return year_of_day(moment.day) >= 1900 && year_of_day(moment.day) <= 2199;
      };
      if (!in_years(first) || !in_years(second)) continue;
      ASSERT_EQ(first.has_offset, second.has_offset) << texts[0] << " | " << other << " | " << text;
      ASSERT_EQ(first.utc_microseconds(), second.utc_microseconds()) << texts[0] << " | " << other << " | " << text;
    }
  }
  EXPECT_GT(found, 50);
  EXPECT_GT(none, 50);
}

}  // namespace
}  // namespace dap::convert
