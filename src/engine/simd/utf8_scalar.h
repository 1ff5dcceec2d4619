// UTF-8 a character at a time: what the vector kernels fall back to, and the scalar kernel itself.
#pragma once

#include <cstddef>

namespace dap::simd {

// Is it a byte within a character, not its first?
inline bool continues_character(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// The length of the longest prefix of whole, well-formed characters.
std::size_t utf8_prefix_scalar(const char* data, std::size_t size) noexcept;

// The same of a text in which data[0, checked) breaks no rule but may end inside a character.
std::size_t utf8_prefix_from(const char* data, std::size_t size, std::size_t checked) noexcept;

}  // namespace dap::simd
