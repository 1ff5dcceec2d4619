// Shell patterns of file names: *, ?, [abc], [a-z], [!abc], {a,b} and backslash escapes. Bytes throughout, whatever the
// locale.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dap::path {

// No component of a path that holds more bytes is read as a pattern.
inline constexpr std::size_t longest_pattern = 4096;

// A pattern that was read: what each of its bytes begins. Plain data; points into the text that it was read from.
struct Pattern {
  enum class Kind : std::uint8_t { literal, any, star, set, open, comma, close };
  struct Step {
    Kind kind;
    char byte;           // of a literal
    std::uint16_t next;  // where it goes on: behind the group for one of its commas
    std::uint16_t link;  // of a group's { and commas: its next comma; 0: none
  };
  const char* text;
  std::size_t size;
  Step steps[longest_pattern];
};

// Reads one component of a path. A UTF-8 character is one for * and ?; a set holds ASCII characters (another one is
// outside it) and lies within one alternative. Groups may nest and hold empty alternatives. A [ that is never closed
// and braces without a comma are themselves. False: the text is too long.
bool read_pattern(const char* text, std::size_t size, Pattern*) noexcept;

// Does the whole name match? Takes time for the product of both lengths at most, however many names the pattern's
// groups stand for.
bool matches(const Pattern*, const char* name) noexcept;

}  // namespace dap::path
