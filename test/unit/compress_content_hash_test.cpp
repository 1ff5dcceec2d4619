#include "engine/compress/content_hash.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace dap::compress {
namespace {

std::string hex(const ContentHash* hash) {
  std::uint8_t digest[16];
  content_hash_digest(hash, digest);
  std::string text;
  for (std::uint8_t byte : digest) {
    text.push_back("0123456789abcdef"[byte >> 4]);
    text.push_back("0123456789abcdef"[byte & 15]);
  }
  return text;
}

std::string hash_of(const std::string& content, std::size_t chunk) {
  ContentHash hash;
  content_hash_begin(&hash);
  for (std::size_t at = 0; at < content.size(); at += chunk)
    content_hash_add(&hash, content.data() + at, std::min(chunk, content.size() - at));
  EXPECT_EQ(hash.length, content.size());
  return hex(&hash);
}

TEST(CompressContentHash, PublishedValues) {
  // XXH3_128bits with seed 0, canonical order, as `xxhsum -H2` prints it.
  EXPECT_EQ(hash_of("", 1), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash_of("a", 1), "a96faf705af16834e6c632b61e964e1f");
  EXPECT_EQ(hash_of("abc", 1), "06b05ab6733a618578af5f94892f3950");
}

TEST(CompressContentHash, ChunksDoNotMatter) {
  std::string content;
  for (int i = 0; i < 30000; i++) content += static_cast<char>(i * 31 + (i >> 8));
  const std::string whole = hash_of(content, content.size());
  for (std::size_t chunk : {1, 3, 16, 240, 241, 256, 1000, 4096}) EXPECT_EQ(hash_of(content, chunk), whole) << chunk;
  content[12345] ^= 1;
  EXPECT_NE(hash_of(content, 4096), whole);
}

TEST(CompressContentHash, AnyAlignmentWillDo) {
  const std::string content(1000, 'x');
  const std::string expected = hash_of(content, 1000);
  std::vector<unsigned char> memory(sizeof(ContentHash) + 64);
  for (std::size_t shift = 0; shift < 64; shift += 8) {
    auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    auto* hash = reinterpret_cast<ContentHash*>(
        (address + 63) / 64 * 64 - 64 + shift < address ? memory.data() : memory.data() + shift);
    content_hash_begin(hash);
    content_hash_add(hash, content.data(), content.size());
    EXPECT_EQ(hex(hash), expected);
    content_hash_add(hash, "y", 1);  // a digest in between disturbs nothing
    EXPECT_NE(hex(hash), expected);
  }
}

}  // namespace
}  // namespace dap::compress
