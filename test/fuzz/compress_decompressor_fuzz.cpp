// Hostile compressed bytes: no crash, no endless loop, and the same content however they arrive.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/compress/decompressor.h"

namespace {

using namespace dap::compress;

// As much of the content as is looked at; a bomb has more.
constexpr std::size_t kEnough = 128 << 10;

struct Result {
  std::string plain;
  Fault fault;
  bool finished;
};

// The room for a step's output ends where `out` ends, so that a byte too many is seen.
void decode(Result& result, Decompressor* decoder, const std::uint8_t* data, std::size_t size, std::size_t in_chunk,
            std::size_t out_chunk) {
  static std::vector<char> out(kEnough);
  result.plain.clear();
  result.fault = Fault::none;
  result.finished = false;
  char* const room = out.data() + out.size() - out_chunk;
  std::size_t at = 0;
  decoder->reset();
  while (!result.finished && result.fault == Fault::none && result.plain.size() < kEnough) {
    std::size_t n = std::min(in_chunk, size - at);
    Step step = decoder->step(data + at, n, room, out_chunk, at + n == size);
    if (step.consumed > n || step.produced > out_chunk) std::abort();
    if (step.consumed == 0 && step.produced == 0 && !step.finished && step.fault == Fault::none) std::abort();
    at += step.consumed;
    result.plain.append(room, step.produced);
    result.fault = step.fault;
    result.finished = step.finished;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  Format format = data[0] % 2 == 0 ? Format::gzip : Format::zstd;
  std::size_t in_chunk = 1 + data[1], out_chunk = 64 + data[2] * 16U;
  data += 3;
  size -= 3;

  static Decompressor* decoders[] = {Decompressor::create(Format::gzip), Decompressor::create(Format::zstd)};
  Decompressor* decoder = decoders[format == Format::gzip ? 0 : 1];
  static Result whole, pieces;
  decode(whole, decoder, data, size, size + 1, kEnough);
  decode(pieces, decoder, data, size, in_chunk, out_chunk);
  if (whole.plain.size() >= kEnough || pieces.plain.size() >= kEnough) return 0;
  if (whole.finished != pieces.finished) std::abort();
  if (whole.finished && whole.plain != pieces.plain) std::abort();
  // Up to a fault, what one way gives is a beginning of what the other gives.
  std::size_t common = std::min(whole.plain.size(), pieces.plain.size());
  if (whole.plain.compare(0, common, pieces.plain, 0, common) != 0) std::abort();
  return 0;
}
