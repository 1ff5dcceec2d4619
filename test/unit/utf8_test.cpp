#include "engine/text/utf8.h"
#include "engine/simd/utf8_scalar.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "engine/simd/kernels.h"

namespace dap::text {
namespace {

// The character's bytes as the standard forms them, also for what is no character.
std::string encode(std::uint32_t code, int bytes) {
  static constexpr unsigned char lead[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
  std::string text;
  for (int k = bytes - 1; k >= 0; k--) {
    const unsigned bits = code >> (6 * k) & (k == bytes - 1 ? 0x7F : 0x3F);
    text += static_cast<char>((k == bytes - 1 ? lead[bytes] : 0x80) | bits);
  }
  return text;
}

int shortest(std::uint32_t code) { return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; }

// Every answer, from a buffer of exactly this size so that a sanitizer sees a step too far.
void expect_prefix(const std::string& text, std::size_t prefix) {
  const std::unique_ptr<char[]> exact(new char[text.size()]);
  std::copy(text.begin(), text.end(), exact.get());
  ASSERT_EQ(simd::utf8_prefix_scalar(exact.get(), text.size()), prefix);
  for (const simd::Kernels* kernels : simd::available())
    ASSERT_EQ(kernels->utf8_prefix(exact.get(), text.size()), prefix) << kernels->name;
  Utf8Stream stream;
  std::size_t i = 0, good = 0;
  for (; i < text.size() && stream.push(static_cast<unsigned char>(text[i])); i++) {
    if (!stream.inside()) good = i + 1;
  }
  ASSERT_EQ(good, prefix);
  ASSERT_EQ(i == text.size() && !stream.inside(), prefix == text.size());
}

TEST(Utf8, EveryCodePointAtEveryPlace) {
  const std::string ascii(70, 'x');
  for (std::uint32_t code = 0; code<0x120000; code += code> 0x11000 && code < 0x10F000 ? 61 : 1) {
    const bool valid = code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
    for (int bytes = shortest(code); bytes <= 4; bytes++) {
      const std::string character = encode(code, bytes);
      const std::size_t before = code % 67;
      const std::string text = ascii.substr(0, before) + character + ascii;
      expect_prefix(text, valid && bytes == shortest(code) ? text.size() : before);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Utf8, EveryPairAndCutCharacter) {
  for (unsigned a = 0; a < 256; a++) {
    for (unsigned b = 0; b < 256; b++) {
      std::string text(62, 'x');
      text += static_cast<char>(a);
      text += static_cast<char>(b);
      text += std::string(64, 'y');
      const bool two = a >= 0xC2 && a <= 0xDF && b >= 0x80 && b <= 0xBF;
      expect_prefix(text, a < 0x80 ? (b < 0x80 ? text.size() : 63) : two ? text.size() : 62);
      if (HasFatalFailure()) return;
    }
  }
  const std::string smile = "\xF0\x9F\x98\x8E";
  for (std::size_t before = 0; before < 140; before++) {
    for (std::size_t cut = 0; cut < 4; cut++) {
      expect_prefix(std::string(before, 'x') + smile.substr(0, cut), before);
      expect_prefix(std::string(before, 'x') + smile.substr(0, cut) + (cut == 0 ? "" : "z") + std::string(64, 'y'),
                    cut == 0 ? before + 64 : before);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Utf8, RandomText) {
  const char* wanted = std::getenv("DAP_TEST_SEED");
  const std::uint64_t seed = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device()();
  std::printf("DAP_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20000; round++) {
    std::string text;
    const std::size_t characters = random() % 200;
    for (std::size_t k = 0; k < characters; k++) {
      static constexpr std::uint32_t most[] = {0x80, 0x800, 0xD800, 0x110000};
      std::uint32_t code = static_cast<std::uint32_t>(random() % most[random() % 4]);
      if (code >= 0xD800 && code <= 0xDFFF) code = 'd';
      text += encode(code, shortest(code));
    }
    if (random() % 2 != 0 && !text.empty()) {
      std::size_t at = random() % text.size();
      text[at] = static_cast<char>(random());
    }
    expect_prefix(text, simd::utf8_prefix_scalar(text.data(), text.size()));
    if (HasFatalFailure()) return;
  }
}

TEST(Utf8, KernelsCanBeForced) {
  for (const simd::Kernels* kernels : simd::available()) {
    ASSERT_TRUE(simd::select(kernels->name));
    EXPECT_EQ(&simd::active(), kernels);
  }
  EXPECT_FALSE(simd::select("altivec"));
  EXPECT_EQ(&simd::active(), simd::available().back());
  EXPECT_TRUE(simd::select("auto"));
  EXPECT_EQ(&simd::active(), simd::available().back());
  EXPECT_STREQ(simd::available().front()->name, "scalar");
}

}  // namespace
}  // namespace dap::text
