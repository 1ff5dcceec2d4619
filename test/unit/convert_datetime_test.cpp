#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "engine/convert/datetime.h"

namespace dap::convert {
namespace {

TEST(ConvertDatetime, DayNumbersAgreeWithTheStandardCalendar) {
  using namespace std::chrono;
  const sys_days epoch = year{2000} / 1 / 1;
  for (sys_days day = year{1} / 1 / 1; day <= sys_days{year{9999} / 12 / 31}; day += days{1}) {
    const year_month_day civil{day};
    const int y = static_cast<int>(civil.year());
    const int m = static_cast<int>(static_cast<unsigned>(civil.month()));
    const int d = static_cast<int>(static_cast<unsigned>(civil.day()));
    const std::int32_t number = day_number(y, m, d);
    ASSERT_EQ(number, (day - epoch).count()) << y << '-' << m << '-' << d;
    ASSERT_EQ(year_of_day(number), y);
    if (d == 1) {
      ASSERT_EQ(days_in_month(y, m),
                static_cast<int>(static_cast<unsigned>((civil.year() / civil.month() / last).day())));
    }
  }
}

TEST(ConvertDatetime, EveryDateShapedText) {
  // All of YYYY-MM-DD with months 00..13 and days 00..32, for years around the leap rules and at the ends.
  for (const int year : {0, 1, 4, 100, 400, 1582, 1899, 1900, 1996, 1999, 2000, 2023, 2024, 2100, 9999}) {
    for (int month = 0; month <= 13; ++month) {
      for (int day = 0; day <= 32; ++day) {
        char text[32];
        std::snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
        std::int32_t number = 0;
        const bool exists = (std::chrono::year{year} / month / day).ok() && year > 0;
        ASSERT_EQ(parse_iso_date(text, &number), exists ? Status::ok : Status::no_such_time) << text;
        if (exists) {
          ASSERT_EQ(number, day_number(year, month, day));
        }
      }
    }
  }
}

Status date(std::string_view text) {
  std::int32_t number = 0;
  return parse_iso_date(text, &number);
}

TEST(ConvertDatetime, Dates) {
  EXPECT_EQ(date(" \t2024-02-29\r\n"), Status::ok);
  EXPECT_EQ(date("2024-02-29 10:00"), Status::unexpected_time);
  EXPECT_EQ(date("2024-02-29T00:00:00.000000+00:00"), Status::unexpected_time);
  EXPECT_EQ(date("2024-02-29 24:00"), Status::unexpected_time);  // the day exists
  EXPECT_EQ(date("2024-02-29 10:00:00.1234567"), Status::unexpected_time);
  EXPECT_EQ(date("2023-02-29 24:00"), Status::no_such_time);
  EXPECT_EQ(date("2023-02-29 10:00"), Status::no_such_time);
  for (const char* text : {"", "2024", "2024-02", "2024-2-29", "24-02-29", "02024-02-29", "2024/02/29", "20240229",
                           "2024-02-29x", "2024-02-29Z", "-2024-02-29", "+2024-02-29", "2024 02 29", "2024-02-29 ",
                           "today", "2024-02-29 BC", "2024-02-29T", "2024-0a-29", "2O24-02-29"}) {
    const Status expected = std::string_view(text) == "2024-02-29 " ? Status::ok : Status::malformed;
    EXPECT_EQ(date(text), expected) << text;
  }
}

TEST(ConvertDatetime, Timestamps) {
  CivilTime moment;
  ASSERT_EQ(parse_iso_timestamp("2000-01-02", &moment), Status::ok);
  EXPECT_EQ(moment.local_microseconds(), microseconds_per_day);
  EXPECT_FALSE(moment.has_time);
  EXPECT_FALSE(moment.has_offset);
  ASSERT_EQ(parse_iso_timestamp("2000-01-01T23:59:59.999999", &moment), Status::ok);
  EXPECT_EQ(moment.local_microseconds(), microseconds_per_day - 1);
  EXPECT_TRUE(moment.has_time);
  ASSERT_EQ(parse_iso_timestamp("2000-01-01 00:00:00.1", &moment), Status::ok);
  EXPECT_EQ(moment.local_microseconds(), 100000);
  for (const char* text :
       {"2000-01-01 00:00:00.1000000", "2000-01-01 00:00:00.100000000000000000000000000000000000000"}) {
    ASSERT_EQ(parse_iso_timestamp(text, &moment), Status::ok) << text;
    EXPECT_EQ(moment.local_microseconds(), 100000);
  }
  ASSERT_EQ(parse_iso_timestamp("2000-01-01T00:00:00.1234560Z", &moment), Status::ok);
  EXPECT_EQ(moment.utc_microseconds(), 123456);
  ASSERT_EQ(parse_iso_timestamp("2000-01-01T00:00:00.00000000+01:30", &moment), Status::ok);
  EXPECT_EQ(moment.utc_microseconds(), -5400 * microseconds_per_second);
  ASSERT_EQ(parse_iso_timestamp("1999-12-31 23:00", &moment), Status::ok);
  EXPECT_EQ(moment.local_microseconds(), -3600 * microseconds_per_second);
  const struct {
    const char* text;
    int seconds;
  } offsets[] = {{"Z", 0},          {"+00", 0},         {"-00", 0},        {"+05", 18000},   {"+0530", 19800},
                 {"+05:30", 19800}, {"-05:30", -19800}, {"-00:30", -1800}, {"+15:59", 57540}};
  for (const auto& offset : offsets) {
    for (const char* time : {"2000-01-01 10:00", "2000-01-01T10:00:00", "2000-01-01 10:00:00.000000"}) {
      ASSERT_EQ(parse_iso_timestamp(std::string(time) + offset.text, &moment), Status::ok) << time << offset.text;
      EXPECT_TRUE(moment.has_offset);
      EXPECT_EQ(moment.offset_seconds, offset.seconds);
      EXPECT_EQ(moment.utc_microseconds(), (36000 - offset.seconds) * microseconds_per_second);
    }
  }
}

TEST(ConvertDatetime, TimestampsRefused) {
  CivilTime moment;
  for (const char* text : {"2000-01-01 24:00", "2000-01-01 23:60", "2000-01-01 23:59:60", "2000-01-01 10:00+16",
                           "2000-01-01 10:00+05:60", "2000-02-30 10:00", "0000-01-01 10:00", "2000-13-01"}) {
    EXPECT_EQ(parse_iso_timestamp(text, &moment), Status::no_such_time) << text;
  }
  for (const char* text : {"2000-01-01 10:00:00.1234567", "2000-01-01 10:00:00.0000001",
                           "2000-01-01T10:00:00.12345600000000009Z", "2000-01-01 10:00:00.9999999+05:30"}) {
    EXPECT_EQ(parse_iso_timestamp(text, &moment), Status::would_be_rounded) << text;
  }
  EXPECT_EQ(parse_iso_timestamp("2000-02-30 10:00:00.1234567", &moment), Status::no_such_time);
  EXPECT_EQ(parse_iso_timestamp("2000-01-01 25:00:00.1234567", &moment), Status::no_such_time);
  for (const char* text : {"2000-01-01 ",
                           "2000-01-01T",
                           "2000-01-01 1",
                           "2000-01-01 10",
                           "2000-01-01 10:",
                           "2000-01-01 10:0",
                           "2000-01-01 1:00",
                           "2000-01-01 10:00:",
                           "2000-01-01 10:00:0",
                           "2000-01-01 10:00:00.",
                           "2000-01-01 10:00:00,5",
                           "2000-01-01 10:00:00.1234567x",
                           "2000-01-01 10:00:00.Z",
                           "2000-01-01  10:00",
                           "2000-01-01t10:00",
                           "2000-01-01_10:00",
                           "2000-01-01 10:00z",
                           "2000-01-01 10:00 Z",
                           "2000-01-01 10:00+",
                           "2000-01-01 10:00+5",
                           "2000-01-01 10:00+053",
                           "2000-01-01 10:00+05:3",
                           "2000-01-01 10:00+05:",
                           "2000-01-01 10:00+05:30:00",
                           "2000-01-01 10:00+05300",
                           "2000-01-01 10:00 PM",
                           "2000-01-01 10:00 UTC",
                           "2000-01-01Z",
                           "2000-01-01+00",
                           "epoch",
                           "infinity",
                           ""}) {
    const Status expected = std::string_view(text) == "2000-01-01 " ? Status::ok : Status::malformed;
    EXPECT_EQ(parse_iso_timestamp(text, &moment), expected) << text;
  }
}

}  // namespace
}  // namespace dap::convert
