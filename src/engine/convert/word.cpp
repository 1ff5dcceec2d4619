#include "engine/convert/word.h"

namespace dap::convert {

namespace {

// Whether the text is a beginning of the word, at least `least` characters of it.
bool begins(std::string_view text, std::string_view word, std::size_t least) noexcept {
  if (text.size() < least || text.size() > word.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower_ascii(text[i]) != word[i]) return false;
  }
  return true;
}

int hexadecimal(char c) noexcept {
  if (is_digit(c)) return c - '0';
  c = lower_ascii(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

constexpr int uuid_bytes = 16;

}  // namespace

Status parse_boolean(std::string_view text, bool* result) noexcept {
  text = strip_blanks(text);
  // "o" alone begins both "on" and "off".
  if (text == "1" || begins(text, "true", 1) || begins(text, "yes", 1) || begins(text, "on", 2)) {
    *result = true;
    return Status::ok;
  }
  if (text == "0" || begins(text, "false", 1) || begins(text, "no", 1) || begins(text, "off", 2)) {
    *result = false;
    return Status::ok;
  }
  return Status::malformed;
}

Status parse_uuid(std::string_view text, std::uint8_t* result) noexcept {
  if (!text.empty() && text.front() == '{') {
    if (text.back() != '}' || text.size() < 2) return Status::malformed;
    text = text.substr(1, text.size() - 2);
  }
  std::uint8_t bytes[uuid_bytes];
  std::size_t at = 0;
  for (int i = 0; i < uuid_bytes; ++i) {
    if (text.size() - at < 2) return Status::malformed;
    const int high = hexadecimal(text[at]);
    const int low = hexadecimal(text[at + 1]);
    if (high < 0 || low < 0) return Status::malformed;
    bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
    at += 2;
    if (at < text.size() && text[at] == '-' && i % 2 == 1 && i < uuid_bytes - 1) ++at;
  }
  if (at != text.size()) return Status::malformed;
  for (int i = 0; i < uuid_bytes; ++i) result[i] = bytes[i];
  return Status::ok;
}

}  // namespace dap::convert
