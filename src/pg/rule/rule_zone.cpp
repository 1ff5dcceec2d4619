// Time zones of column rules: look-up by name, and the way between local time and UTC. Nothing here reads the session's
// TimeZone.
#include "pg/rule/rule.h"

namespace dap {

namespace {

constexpr int64 unix_to_postgres_days = POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE;

int64 floor_divide(int64 value, int64 divisor) {
  const int64 quotient = value / divisor;
  return quotient * divisor > value ? quotient - 1 : quotient;
}

// pg_tzset() falls back to POSIX rules ("XYZ-3"), which must hold a digit. These are the IANA names that hold one.
bool is_iana_name_with_digits(const char* name) {
  static const char* const names[] = {"EST5EDT", "CST6CDT", "MST7MDT",  "PST8PDT",   "GMT0",
                                      "GMT+0",   "GMT-0",   "Etc/GMT0", "Etc/GMT-0", "Etc/GMT+0"};
  for (const char* known : names) {
    if (pg_strcasecmp(name, known) == 0) return true;
  }
  if (pg_strncasecmp(name, "Etc/GMT", 7) != 0 || (name[7] != '+' && name[7] != '-')) return false;
  int hours = 0;
  const char* at = name + 8;
  if (*at < '1' || *at > '9') return false;
  for (; *at >= '0' && *at <= '9' && hours < 100; ++at) hours = hours * 10 + (*at - '0');
  return *at == '\0' && hours <= (name[7] == '+' ? 12 : 14);
}

}  // namespace

pg_tz* find_zone(const char* name) {
  bool has_digit = false;
  for (const char* at = name; *at != '\0'; ++at) has_digit |= *at >= '0' && *at <= '9';
  if (has_digit && !is_iana_name_with_digits(name)) return nullptr;
  // The host's own zone, and copies of the database that count leap seconds or are not zones.
  if (*name == '\0' || pg_strcasecmp(name, "localtime") == 0 || pg_strcasecmp(name, "posixrules") == 0 ||
      pg_strcasecmp(name, "Factory") == 0 || pg_strncasecmp(name, "right/", 6) == 0 ||
      pg_strncasecmp(name, "posix/", 6) == 0) {
    return nullptr;
  }
  pg_tz* zone = pg_tzset(name);
  return zone != nullptr && pg_tz_acceptable(zone) ? zone : nullptr;
}

int64 utc_to_local(int64 utc, pg_tz* zone) {
  const pg_time_t seconds = floor_divide(utc, USECS_PER_SEC) + unix_to_postgres_days * SECS_PER_DAY;
  const struct pg_tm* local = pg_localtime(&seconds, zone);
  return local == nullptr ? utc : utc + local->tm_gmtoff * USECS_PER_SEC;
}

bool local_to_utc(int64 local, pg_tz* zone, int64* utc) {
  const int64 day = floor_divide(local, USECS_PER_DAY);
  const int64 second = (local - day * USECS_PER_DAY) / USECS_PER_SEC;
  struct pg_tm civil = {};
  j2date(static_cast<int>(day + POSTGRES_EPOCH_JDATE), &civil.tm_year, &civil.tm_mon, &civil.tm_mday);
  civil.tm_hour = static_cast<int>(second / SECS_PER_HOUR);
  civil.tm_min = static_cast<int>(second / SECS_PER_MINUTE % MINS_PER_HOUR);
  civil.tm_sec = static_cast<int>(second % SECS_PER_MINUTE);
  *utc = local + DetermineTimeZoneOffset(&civil, zone) * USECS_PER_SEC;
  return utc_to_local(*utc, zone) == local;
}

}  // namespace dap
