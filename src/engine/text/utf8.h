// UTF-8 as PostgreSQL accepts it: RFC 3629, no overlong forms, no surrogates, nothing above U+10FFFF. NUL is left to
// the caller.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dap::text {

// The length of the longest prefix of whole, well-formed characters, found with the CPU's best kernel.
std::size_t utf8_prefix(const char* data, std::size_t size) noexcept;

// Whether all of data[0, size) is well-formed.
inline bool is_utf8(const char* data, std::size_t size) noexcept { return utf8_prefix(data, size) == size; }

// Checks a text that comes byte by byte.
class Utf8Stream {
 public:
  // False if `byte` cannot stand here. Afterwards the stream is as new.
  bool push(unsigned char byte) noexcept {
    if (left_ == 0) {
      if (byte < 0x80) return true;
      return lead(byte);
    }
    if (byte < low_ || byte > high_) {
      left_ = 0;
      return false;
    }
    low_ = 0x80;
    high_ = 0xBF;
    left_--;
    return true;
  }
  // Whether a character has begun and not ended.
  bool inside() const noexcept { return left_ != 0; }
  void reset() noexcept { left_ = 0; }

 private:
  bool lead(unsigned char byte) noexcept;

  std::uint8_t left_ = 0;  // continuation bytes still to come
  std::uint8_t low_ = 0x80;
  std::uint8_t high_ = 0xBF;
};

}  // namespace dap::text
