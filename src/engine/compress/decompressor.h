// Streaming decompression of gzip (RFC 1952) and zstd (RFC 8878) with constant memory: many members or frames in a row
// are one content.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dap::compress {

enum class Format : std::uint8_t { plain, gzip, zstd };

enum class Fault : std::uint8_t {
  none,
  truncated,    // the input ended inside a member or frame
  corrupt,      // a checksum, header or code is wrong, or something else follows the last member
  unsupported,  // a zstd frame that needs a larger window than kMaxWindowLog, or a dictionary
  out_of_memory,
};

// How many first bytes detect() wants to see.
inline constexpr std::size_t kMagicBytes = 4;

// Largest zstd window that is accepted, as a power of two: 32 MB, what `zstd -20` writes. `--ultra -21`, `-22` and
// `--long` on larger files need more: the decoder's memory would no longer be flat below 64 MB.
inline constexpr int kMaxWindowLog = 25;

// The format that the first bytes announce; plain for anything that is neither gzip nor zstd.
Format detect(const void* first_bytes, std::size_t size) noexcept;

struct Step {
  std::size_t consumed;  // bytes of input used up
  std::size_t produced;  // bytes of output written; valid even with a fault
  Fault fault;
  bool finished;  // `last` was given and the content is complete
};

// A decoder without I/O: the caller feeds it. All its memory is malloc'd and ends with destroy().
class Decompressor {
 public:
  // A decoder for gzip or zstd; null when memory lacks.
  static Decompressor* create(Format format) noexcept;
  static void destroy(Decompressor* decompressor) noexcept;

  // Decodes until the output is full, the input is used up and nothing is held back, or a fault. `last`: no input
  // follows this one.
  Step step(const void* input, std::size_t input_size, void* output, std::size_t capacity, bool last) noexcept;
  // Makes ready for the first byte of another content.
  void reset() noexcept;

  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

 private:
  struct State;
  explicit Decompressor(State* state) noexcept : state_(state) {}
  ~Decompressor() = default;

  State* state_;
};

}  // namespace dap::compress
