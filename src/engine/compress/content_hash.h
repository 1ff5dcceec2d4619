// The name of a content: XXH3-128 over its bytes, computed as they pass, and how many they are.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dap::compress {

// A running hash. Plain memory: may be allocated at any alignment and abandoned, but not copied or moved.
struct ContentHash {
  std::uint64_t length;
  unsigned char storage[640];  // the library's state wants 64 byte alignment, found inside
};

void content_hash_begin(ContentHash* hash) noexcept;
void content_hash_add(ContentHash* hash, const void* bytes, std::size_t size) noexcept;
// The hash of what was added so far, in the canonical (big-endian) order; adding may go on.
void content_hash_digest(const ContentHash* hash, std::uint8_t digest[16]) noexcept;

}  // namespace dap::compress
