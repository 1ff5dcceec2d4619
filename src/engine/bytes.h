// Plain values as bytes of an image, in the order that memory has them.
#pragma once

#include <bit>
#include <cstring>

namespace dap {

static_assert(std::endian::native == std::endian::little, "images are little-endian, written as memory has them");

// Writes a value and returns where it stopped.
template <class T>
unsigned char* put(T value, unsigned char* out) {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

// Reads a value, whose bytes must be there, and steps behind it.
template <class T>
T get(const unsigned char** at) {
  T value;
  std::memcpy(&value, *at, sizeof value);
  *at += sizeof value;
  return value;
}

}  // namespace dap
