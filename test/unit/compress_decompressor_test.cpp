// Decoding must not depend on how the bytes arrive, and nothing that is cut or broken may pass for whole.
#include "engine/compress/decompressor.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dap::compress {
namespace {

using namespace std::string_literals;

// Text that compresses, with stretches that do not.
std::string sample(std::size_t size, std::uint32_t seed = 1) {
  std::string text;
  text.reserve(size + 32);
  while (text.size() < size) {
    seed = seed * 1664525 + 1013904223;
    if (seed % 7 == 0) text.push_back(static_cast<char>(seed >> 24));
    else text += std::to_string(seed % 100) + ",user" + std::to_string(seed % 13) + "@example.org\n";
  }
  text.resize(size);
  return text;
}

std::string gzip(std::string_view plain, int level = 6) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, plain.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(std::string_view plain, int window_log = 0, bool checksum = true) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum);
  if (window_log > 0) {
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  }
  std::string packed(ZSTD_compressBound(plain.size()) + 64, '\0');
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  ZSTD_inBuffer in{plain.data(), plain.size(), 0};
  // Streamed where a window is asked for: compression in one go shrinks it to the content.
  if (window_log > 0)
    while (in.pos < in.size) ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush);
  EXPECT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  packed.resize(out.pos);
  return packed;
}

std::string packed(Format format, std::string_view plain) { return format == Format::gzip ? gzip(plain) : zstd(plain); }

struct Result {
  std::string plain;
  Fault fault = Fault::none;
  bool finished = false;
};

Result decode(Decompressor* decoder, std::string_view input, std::size_t in_chunk, std::size_t out_chunk) {
  Result result;
  std::vector<char> buffer(out_chunk);
  std::size_t at = 0;
  bool last = false;
  while (!result.finished && result.fault == Fault::none) {
    std::string_view chunk = input.substr(at, in_chunk);
    last = at + chunk.size() == input.size();
    Step step = decoder->step(chunk.data(), chunk.size(), buffer.data(), buffer.size(), last);
    EXPECT_LE(step.consumed, chunk.size());
    EXPECT_LE(step.produced, buffer.size());
    at += step.consumed;
    result.plain.append(buffer.data(), step.produced);
    result.fault = step.fault;
    result.finished = step.finished;
    if (step.consumed == 0 && step.produced == 0 && !step.finished && step.fault == Fault::none) {
      ADD_FAILURE() << "no progress at " << at;
      break;
    }
  }
  return result;
}

Result decode(Format format, std::string_view input, std::size_t in_chunk = 1 << 18, std::size_t out_chunk = 1 << 18) {
  Decompressor* decoder = Decompressor::create(format);
  EXPECT_NE(decoder, nullptr);
  Result result = decode(decoder, input, in_chunk, out_chunk);
  Decompressor::destroy(decoder);
  return result;
}

constexpr Format formats[] = {Format::gzip, Format::zstd};

TEST(CompressDetect, ByMagicBytesAlone) {
  EXPECT_EQ(detect("", 0), Format::plain);
  EXPECT_EQ(detect("id,name", 4), Format::plain);
  EXPECT_EQ(detect("\x1f", 1), Format::plain);
  EXPECT_EQ(detect("\x1f\x8b", 2), Format::gzip);
  EXPECT_EQ(detect("\x28\xb5\x2f\xfd", 4), Format::zstd);
  EXPECT_EQ(detect("\x28\xb5\x2f", 3), Format::plain);
  EXPECT_EQ(detect("\x5a\x2a\x4d\x18", 4), Format::zstd);
  EXPECT_EQ(detect("\x60\x2a\x4d\x18", 4), Format::plain);
}

TEST(CompressDecompressor, ChunksDoNotMatter) {
  const std::string plain = sample(70000);
  for (Format format : formats) {
    const std::string input = packed(format, plain);
    for (std::size_t in_chunk : {1, 2, 3, 17, 1000, 1 << 20})
      for (std::size_t out_chunk : {1, 7, 4096, 1 << 20}) {
        if (in_chunk * out_chunk > 100000000) continue;
        Result result = decode(format, input, in_chunk, out_chunk);
        EXPECT_TRUE(result.finished);
        EXPECT_EQ(result.fault, Fault::none);
        EXPECT_TRUE(result.plain == plain) << in_chunk << " in, " << out_chunk << " out";
      }
  }
}

TEST(CompressDecompressor, EmptyContent) {
  for (Format format : formats) {
    Result result = decode(format, packed(format, ""));
    EXPECT_TRUE(result.finished);
    EXPECT_EQ(result.plain, "");
    EXPECT_EQ(decode(format, "").fault, Fault::truncated);
  }
}

TEST(CompressDecompressor, ManyMembersAreOneContent) {
  const std::string a = sample(5000), b = sample(3, 2), c = sample(9000, 3);
  for (Format format : formats)
    for (std::size_t chunk : {1, 1 << 16}) {
      Result result =
          decode(format, packed(format, a) + packed(format, "") + packed(format, b) + packed(format, c), chunk, chunk);
      EXPECT_TRUE(result.finished);
      EXPECT_TRUE(result.plain == a + b + c);
    }
}

TEST(CompressDecompressor, SkippableFrames) {
  const std::string plain = sample(500), skippable = "\x53\x2a\x4d\x18\x05\x00\x00\x00\x01\x02\x03\x04\x05"s;
  for (std::size_t chunk : {1, 1000})
    for (const std::string& input :
         {skippable + zstd(plain), zstd(plain) + skippable, skippable + skippable + zstd(plain) + skippable}) {
      Result result = decode(Format::zstd, input, chunk, 100);
      EXPECT_TRUE(result.finished);
      EXPECT_TRUE(result.plain == plain);
    }
  EXPECT_EQ(decode(Format::zstd, zstd(plain) + skippable.substr(0, 10)).fault, Fault::truncated);
}

TEST(CompressDecompressor, CutAnywhereIsTruncated) {
  const std::string plain = sample(3000);
  for (Format format : formats) {
    const std::string whole = packed(format, plain);
    for (std::size_t size = 0; size < whole.size(); size++)
      for (std::size_t chunk : {1, 1 << 16}) {
        Result result = decode(format, whole.substr(0, size), chunk, 1 << 16);
        EXPECT_FALSE(result.finished);
        EXPECT_EQ(result.fault, Fault::truncated) << size;
        // also in a second member
        if (size > 0) {
          EXPECT_EQ(decode(format, whole + whole.substr(0, size), chunk, 1 << 16).fault, Fault::truncated) << size;
        }
      }
  }
}

TEST(CompressDecompressor, AnythingElseAfterTheEndIsCorrupt) {
  const std::string plain = sample(3000);
  for (Format format : formats)
    for (const std::string& tail : {"\n"s, "\0"s, "\0\0\0\0\0\0\0\0"s, "id,name\n"s, "\x28\xb4"s, "\x1e"s, "\x1f\x8c"s})
      for (std::size_t chunk : {1, 1 << 16}) {
        Result result = decode(format, packed(format, plain) + tail, chunk, 1 << 16);
        EXPECT_EQ(result.fault, Fault::corrupt) << tail.size();
        EXPECT_TRUE(result.plain == plain);
      }
}

TEST(CompressDecompressor, NoFlippedBitPasses) {
  const std::string plain = sample(400);
  for (Format format : formats) {
    const std::string whole = packed(format, plain);
    for (std::size_t bit = 0; bit < whole.size() * 8; bit++) {
      std::string broken = whole;
      broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << bit % 8));
      Result result = decode(format, broken, 64, 1 << 16);
      // Bits of a header that say nothing about the content (gzip's time, system, flags of names) may flip; the content
      // may not.
      if (result.finished) {
        EXPECT_TRUE(result.plain == plain) << "bit " << bit;
      }
    }
  }
}

TEST(CompressDecompressor, GzipHeaderWithEveryField) {
  const std::string plain = sample(1000);
  std::string whole = gzip(plain);
  whole[3] = 4 | 8 | 16;  // extra field, name, comment
  whole.insert(10,
               "\x03\x00"s
               "abc"
               "users.csv\0"s
               "a comment\0"s);
  for (std::size_t chunk : {1, 1 << 16}) {
    Result result = decode(Format::gzip, whole, chunk, 1 << 16);
    EXPECT_TRUE(result.finished);
    EXPECT_TRUE(result.plain == plain);
  }
}

TEST(CompressDecompressor, LargeWindowsAreRefused) {
  const std::string plain = sample(100000);
  EXPECT_TRUE(decode(Format::zstd, zstd(plain, kMaxWindowLog)).finished);
  EXPECT_EQ(decode(Format::zstd, zstd(plain, kMaxWindowLog + 1)).fault, Fault::unsupported);
}

TEST(CompressDecompressor, FormatsBeforeZstdOneAreCorrupt) {
  const std::string plain = sample(300);
  for (char version = 0x22; version <= 0x27; version++)
    for (const std::string& before : {""s, zstd(plain)})
      for (std::size_t chunk : {1, 1 << 16}) {
        const std::string old = before + version + "\xb5\x2f\xfd\xd0\x53\xf7\x38\x5a\x4e\x00\xa3\xff\xff\xff\xd0\x6f"s;
        EXPECT_EQ(decode(Format::zstd, old, chunk, 1 << 16).fault, Fault::corrupt);
      }
}

// Found by the fuzzer: behind its magic number this header reads as a skippable frame of three bytes.
TEST(CompressDecompressor, AHeaderThatLooksLikeAnotherFrame) {
  const std::string frame("\x28\xb5\x2f\xfd\x50\x2a\x4d\x18\x03\x00\x00\x00\x9f\x5c\x2f", 15);
  for (const std::size_t out_chunk : {std::size_t{64}, std::size_t{1} << 17}) {
    for (std::size_t in_chunk = 1; in_chunk <= frame.size(); in_chunk++) {
      Decompressor* decoder = Decompressor::create(Format::zstd);
      EXPECT_EQ(decode(decoder, frame, in_chunk, out_chunk).fault, Fault::corrupt) << in_chunk << " " << out_chunk;
      Decompressor::destroy(decoder);
    }
  }
}

TEST(CompressDecompressor, FaultsStayAndResetMakesNew) {
  const std::string plain = sample(2000);
  for (Format format : formats) {
    const std::string whole = packed(format, plain);
    Decompressor* decoder = Decompressor::create(format);
    EXPECT_EQ(decode(decoder, "nonsense, nonsense", 100, 100).fault, Fault::corrupt);
    char out[10];
    EXPECT_EQ(decoder->step(whole.data(), whole.size(), out, sizeof out, true).fault, Fault::corrupt);
    decoder->reset();
    EXPECT_TRUE(decode(decoder, whole, 100, 100).plain == plain);
    decoder->reset();
    EXPECT_EQ(decode(decoder, std::string_view(whole).substr(0, 30), 100, 100).fault, Fault::truncated);
    decoder->reset();
    EXPECT_TRUE(decode(decoder, whole, 7, 7).plain == plain);
    if (format == Format::zstd) {
      decoder->reset();
      EXPECT_EQ(decode(decoder, zstd(plain, kMaxWindowLog + 1), 100, 100).fault, Fault::unsupported)
          << "the limit outlives a reset";
    }
    Decompressor::destroy(decoder);
  }
  Decompressor::destroy(nullptr);
}

TEST(CompressDecompressor, ABombComesInPieces) {
  const std::string plain(50 << 20, 'a');
  for (Format format : formats) {
    const std::string input = packed(format, plain);
    ASSERT_LT(input.size(), plain.size() / 500);
    Decompressor* decoder = Decompressor::create(format);
    std::vector<char> out(1 << 16);
    std::size_t at = 0, produced = 0;
    for (;;) {
      Step step = decoder->step(input.data() + at, input.size() - at, out.data(), out.size(), true);
      ASSERT_LE(step.produced, out.size());
      at += step.consumed;
      produced += step.produced;
      ASSERT_EQ(step.fault, Fault::none);
      if (step.finished) break;
    }
    EXPECT_EQ(produced, plain.size());
    Decompressor::destroy(decoder);
  }
}

}  // namespace
}  // namespace dap::compress
