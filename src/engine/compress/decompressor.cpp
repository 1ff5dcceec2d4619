#include "engine/compress/decompressor.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <new>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace dap::compress {

namespace {

constexpr unsigned char kGzipMagic[] = {0x1f, 0x8b};
constexpr unsigned char kZstdMagic[] = {0x28, 0xb5, 0x2f, 0xfd};
// A skippable frame's first byte is 0x50 to 0x5f.
constexpr unsigned char kZstdSkippableTail[] = {0x2a, 0x4d, 0x18};
// The longest frame header (RFC 8878, 3.1.1): magic number, descriptor, window, dictionary, content size.
constexpr std::size_t kZstdLongestHeader = 4 + 1 + 1 + 4 + 8;

bool starts_gzip(const unsigned char* bytes, std::size_t size) {
  return std::memcmp(bytes, kGzipMagic, std::min(size, sizeof kGzipMagic)) == 0;
}

bool starts_zstd(const unsigned char* bytes, std::size_t size) {
  if (size == 0 || std::memcmp(bytes, kZstdMagic, std::min(size, sizeof kZstdMagic)) == 0) return true;
  return (bytes[0] & 0xf0) == 0x50 &&
         std::memcmp(bytes + 1, kZstdSkippableTail, std::min(size - 1, sizeof kZstdSkippableTail)) == 0;
}

Fault zstd_fault(std::size_t code) {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation: return Fault::out_of_memory;
    case ZSTD_error_frameParameter_windowTooLarge:
    case ZSTD_error_frameParameter_unsupported:
    case ZSTD_error_version_unsupported:
    case ZSTD_error_dictionary_wrong: return Fault::unsupported;
    default: return Fault::corrupt;
  }
}

}  // namespace

Format detect(const void* first_bytes, std::size_t size) noexcept {
  const auto* bytes = static_cast<const unsigned char*>(first_bytes);
  if (size >= sizeof kGzipMagic && starts_gzip(bytes, size)) return Format::gzip;
  if (size >= sizeof kZstdMagic && starts_zstd(bytes, size)) return Format::zstd;
  return Format::plain;
}

struct Decompressor::State {
  Format format;
  z_stream gzip;
  ZSTD_DStream* zstd;
  Fault fault;
  bool inside;     // a member or frame has begun and not ended
  bool any;        // at least one has ended
  bool held_back;  // the output was full when the decoder returned: it may hold more
  // The first bytes of the member at hand: libraries call a single stray byte "not yet a header", and we say what it
  // is.
  unsigned char head[kMagicBytes];
  std::size_t head_size;
  std::size_t frame_bytes;  // of the zstd frame at hand that the library has, as far as its header may go

  void remember_head(const unsigned char* bytes, std::size_t size) {
    std::size_t n = std::min(size, kMagicBytes - head_size);
    if (n > 0) std::memcpy(head + head_size, bytes, n);
    head_size += n;
  }

  void end_member() {
    inside = false;
    any = true;
    head_size = frame_bytes = 0;
  }

  // What an end of input here means.
  Fault at_end() const {
    if (!inside) return any ? Fault::none : Fault::truncated;
    bool plausible = format == Format::gzip ? starts_gzip(head, head_size) : starts_zstd(head, head_size);
    return plausible ? Fault::truncated : Fault::corrupt;
  }

  Fault decode_gzip(const unsigned char* in, std::size_t& in_size, unsigned char* out, std::size_t& out_size) {
    gzip.next_in = const_cast<unsigned char*>(in);
    gzip.avail_in = static_cast<uInt>(std::min<std::size_t>(in_size, UINT_MAX));
    gzip.next_out = out;
    gzip.avail_out = static_cast<uInt>(std::min<std::size_t>(out_size, UINT_MAX));
    int code = inflate(&gzip, Z_NO_FLUSH);
    in_size = static_cast<std::size_t>(gzip.next_in - in);
    out_size = static_cast<std::size_t>(gzip.next_out - out);
    inside = inside || in_size > 0;
    remember_head(in, in_size);
    held_back = gzip.avail_out == 0;
    switch (code) {
      case Z_OK:
      case Z_BUF_ERROR: return Fault::none;
      case Z_STREAM_END:
        held_back = false;
        end_member();
        return inflateReset(&gzip) == Z_OK ? Fault::none : Fault::out_of_memory;
      case Z_MEM_ERROR: return Fault::out_of_memory;
      default: return Fault::corrupt;
    }
  }

  // Gathers a frame's magic number before the library sees it: where it is built to read the formats before 1.0, their
  // decoders know no limit of the window. The library then takes all four bytes, as no header is that short.
  Fault begin_zstd_frame(const unsigned char* in, std::size_t& in_size, std::size_t& out_size) {
    std::size_t before = head_size;
    remember_head(in, in_size);
    in_size = head_size - before;
    out_size = 0;
    inside = true;
    if (head_size < sizeof kZstdMagic) return Fault::none;
    if (!starts_zstd(head, head_size)) return Fault::corrupt;
    ZSTD_inBuffer source{head, head_size, 0};
    ZSTD_outBuffer target{nullptr, 0, 0};
    std::size_t code = ZSTD_decompressStream(zstd, &target, &source);
    if (ZSTD_isError(code)) return zstd_fault(code);
    frame_bytes = head_size;
    return source.pos == source.size ? Fault::none : Fault::corrupt;
  }

  Fault decode_zstd(const unsigned char* in, std::size_t& in_size, unsigned char* out, std::size_t& out_size) {
    if (head_size < sizeof kZstdMagic) return begin_zstd_frame(in, in_size, out_size);
    // With the header's end the library looks whether its input is the whole frame, and takes what it was given last
    // for that frame's beginning: a header whose tail looks like another frame would be that frame. A single byte is
    // none.
    if (frame_bytes < kZstdLongestHeader) {
      in_size = std::min<std::size_t>(in_size, 1);
      frame_bytes += in_size;
    }
    ZSTD_inBuffer source{in, in_size, 0};
    ZSTD_outBuffer target{out, out_size, 0};
    std::size_t code = ZSTD_decompressStream(zstd, &target, &source);
    held_back = target.pos == target.size;
    in_size = source.pos;
    out_size = target.pos;
    if (ZSTD_isError(code)) return zstd_fault(code);
    if (code == 0) {
      held_back = false;
      end_member();
    }
    return Fault::none;
  }
};

Decompressor* Decompressor::create(Format format) noexcept {
  auto* state = new (std::nothrow) State{};
  if (state == nullptr) return nullptr;
  state->format = format;
  bool ready = false;
  if (format == Format::gzip) {
    ready = inflateInit2(&state->gzip, 15 + 16) == Z_OK;  // the largest window, and a gzip header, nothing else
  } else if (format == Format::zstd) {
    state->zstd = ZSTD_createDStream();
    ready = state->zstd != nullptr && !ZSTD_isError(ZSTD_initDStream(state->zstd)) &&
            !ZSTD_isError(ZSTD_DCtx_setParameter(state->zstd, ZSTD_d_windowLogMax, kMaxWindowLog));
    if (!ready) ZSTD_freeDStream(state->zstd);
  }
  auto* decompressor = ready ? new (std::nothrow) Decompressor(state) : nullptr;
  if (decompressor == nullptr) {
    if (ready && format == Format::gzip) inflateEnd(&state->gzip);
    if (ready && format == Format::zstd) ZSTD_freeDStream(state->zstd);
    delete state;
  }
  return decompressor;
}

void Decompressor::destroy(Decompressor* decompressor) noexcept {
  if (decompressor == nullptr) return;
  State* state = decompressor->state_;
  if (state->format == Format::gzip) inflateEnd(&state->gzip);
  if (state->format == Format::zstd) ZSTD_freeDStream(state->zstd);
  delete state;
  delete decompressor;
}

void Decompressor::reset() noexcept {
  State& s = *state_;
  if (s.format == Format::gzip) inflateReset(&s.gzip);
  if (s.format == Format::zstd) ZSTD_DCtx_reset(s.zstd, ZSTD_reset_session_only);  // keeps the window limit
  s.fault = Fault::none;
  s.inside = s.any = s.held_back = false;
  s.head_size = s.frame_bytes = 0;
}

Step Decompressor::step(const void* input, std::size_t input_size, void* output, std::size_t capacity,
                        bool last) noexcept {
  State& s = *state_;
  const auto* in = static_cast<const unsigned char*>(input);
  auto* out = static_cast<unsigned char*>(output);
  Step result{0, 0, s.fault, false};

  while (result.fault == Fault::none && result.produced < capacity && (result.consumed < input_size || s.held_back)) {
    std::size_t used = input_size - result.consumed;
    std::size_t written = capacity - result.produced;
    bool was_held_back = s.held_back;
    std::size_t offered = used;
    result.fault = s.format == Format::gzip ? s.decode_gzip(in + result.consumed, used, out + result.produced, written)
                                            : s.decode_zstd(in + result.consumed, used, out + result.produced, written);
    result.consumed += used;
    result.produced += written;
    // No decoder refuses input and room at once; one that does would spin here for ever.
    if (result.fault == Fault::none && used == 0 && written == 0 && offered > 0 && !was_held_back)
      result.fault = Fault::corrupt;
  }

  if (result.fault == Fault::none && last && result.consumed == input_size && !s.held_back) {
    result.fault = s.at_end();
    result.finished = result.fault == Fault::none;
  }
  s.fault = result.fault;
  return result;
}

}  // namespace dap::compress
