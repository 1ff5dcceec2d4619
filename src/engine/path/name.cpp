#include "engine/path/name.h"

#include <cstddef>
#include <cstring>

namespace dap::path {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int sign(int difference) { return (difference > 0) - (difference < 0); }

bool ends_with(const char* name, const char* suffix) {
  std::size_t name_size = std::strlen(name), suffix_size = std::strlen(suffix);
  return name_size >= suffix_size && std::memcmp(name + name_size - suffix_size, suffix, suffix_size) == 0;
}

}  // namespace

int natural_compare(const char* a, const char* b) noexcept {
  int zeros = 0;  // the first difference in leading zeros decides between names that are otherwise equal
  while (*a != '\0' && *b != '\0') {
    if (is_digit(*a) && is_digit(*b)) {
      const char* a_start = a;
      const char* b_start = b;
      while (*a == '0') a++;
      while (*b == '0') b++;
      std::ptrdiff_t a_zeros = a - a_start, b_zeros = b - b_start;
      const char* a_number = a;
      const char* b_number = b;
      while (is_digit(*a)) a++;
      while (is_digit(*b)) b++;
      if (a - a_number != b - b_number) return a - a_number < b - b_number ? -1 : 1;
      int order = std::memcmp(a_number, b_number, static_cast<std::size_t>(a - a_number));
      if (order != 0) return sign(order);
      if (zeros == 0 && a_zeros != b_zeros) zeros = a_zeros < b_zeros ? -1 : 1;
    } else {
      int order = static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
      if (order != 0) return sign(order);
      a++;
      b++;
    }
  }
  if (*a != *b) return *a == '\0' ? -1 : 1;
  return zeros;
}

bool has_wildcard(const char* component, std::size_t length) noexcept {
  bool open = false, comma = false;
  for (std::size_t i = 0; i < length; i++) {
    switch (component[i]) {
      case '*':
      case '?':
      case '[':
      case '\\': return true;
      case '{': open = true; break;
      case ',': comma = open; break;
      case '}':
        if (comma) return true;
        break;
      default: break;
    }
  }
  return false;
}

bool is_unfinished(const char* name) noexcept {
  return name[0] == '.' || ends_with(name, ".tmp") || ends_with(name, ".part") || ends_with(name, ".filepart");
}

bool is_csv(const char* name) noexcept {
  return ends_with(name, ".csv") || ends_with(name, ".csv.gz") || ends_with(name, ".csv.zst");
}

}  // namespace dap::path
