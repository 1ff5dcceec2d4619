#include "engine/path/braces.h"

#include <cstring>

#include "engine/path/name.h"

namespace dap::path {

namespace {

constexpr int most_groups = 8;  // each may double the work
constexpr std::size_t longest_pattern = 1024;

struct Group {
  const char* open;
  const char* close;
};

// The group that `open` begins, if it has a close and a comma of its own.
bool read_group(const char* open, Group* group) {
  int depth = 0;
  bool comma = false;
  for (const char* p = open; *p != '\0'; p++) {
    if (*p == '\\' && p[1] != '\0') {
      p++;
    } else if (*p == '{') {
      depth++;
    } else if (*p == ',' && depth == 1) {
      comma = true;
    } else if (*p == '}' && --depth == 0) {
      *group = {open, p};
      return comma;
    }
  }
  return false;
}

bool find_group(const char* pattern, Group* group) {
  for (const char* p = pattern; *p != '\0'; p++) {
    if (*p == '\\' && p[1] != '\0') {
      p++;
    } else if (*p == '{' && read_group(p, group)) {
      return true;
    }
  }
  return false;
}

bool matches_within(const char* pattern, const char* name, int groups) {
  Group group;
  if (groups == most_groups || std::strlen(pattern) >= longest_pattern || !find_group(pattern, &group)) return matches(pattern, name);

  char chosen[longest_pattern];
  const std::size_t prefix = static_cast<std::size_t>(group.open - pattern);
  std::memcpy(chosen, pattern, prefix);
  int depth = 0;
  const char* start = group.open + 1;
  for (const char* p = start; p <= group.close; p++) {
    if (*p == '\\' && p < group.close) {
      p++;
    } else if (*p == '{') {
      depth++;
    } else if (*p == '}' && p < group.close) {
      depth--;
    } else if (p == group.close || (*p == ',' && depth == 0)) {
      const std::size_t length = static_cast<std::size_t>(p - start);
      std::memcpy(chosen + prefix, start, length);
      std::strcpy(chosen + prefix + length, group.close + 1);
      if (matches_within(chosen, name, groups + 1)) return true;
      start = p + 1;
    }
  }
  return false;
}

}  // namespace

bool matches_any(const char* pattern, const char* name) noexcept { return matches_within(pattern, name, 0); }

}  // namespace dap::path
