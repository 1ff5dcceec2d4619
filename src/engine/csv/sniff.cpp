// What a file's first bytes say about its encoding.
#include "engine/csv/scanner_impl.h"

namespace dap::csv {
namespace {

bool begins(const char* data, std::size_t size, std::string_view with) noexcept {
  return size >= with.size() && std::memcmp(data, with.data(), with.size()) == 0;
}

// Whether byte k is NUL exactly where `text_at`[k % 4] is not set, in all of data[0, size).
bool nul_pattern(const char* data, std::size_t size, const bool (&text_at)[4]) noexcept {
  for (std::size_t k = 0; k < size; k++) {
    if ((data[k] != 0) != text_at[k % 4]) return false;
  }
  return true;
}

FileError wide_encoding(const char* data, std::size_t size) noexcept {
  using namespace std::string_view_literals;
  // UTF-32's little-endian BOM begins with UTF-16's.
  if (begins(data, size, "\xFF\xFE\0\0"sv) || begins(data, size, "\0\0\xFE\xFF"sv)) return FileError::utf32;
  if (begins(data, size, "\xFF\xFE"sv) || begins(data, size, "\xFE\xFF"sv)) return FileError::utf16;
  // Without a BOM: two UTF-16 or one UTF-32 character of ASCII at the least, as every header line has; more where there is more.
  if (size < 4) return FileError::none;
  const std::size_t whole = size & ~std::size_t{3};
  if (nul_pattern(data, whole, {true, false, false, false}) || nul_pattern(data, whole, {false, false, false, true}))
    return FileError::utf32;
  if (nul_pattern(data, whole, {true, false, true, false}) || nul_pattern(data, whole, {false, true, false, true}))
    return FileError::utf16;
  return FileError::none;
}

}  // namespace

Step Scanner::Impl::sniff() {
  const char* data = waiting;
  std::size_t size = waiting_size;
  const bool collected = head_size > 0 || (size < head_bytes && !finished);
  if (collected) {
    const std::size_t taken = std::min(size, head_bytes - head_size);
    if (taken > 0) std::memcpy(head + head_size, waiting, taken);
    head_size += taken;
    waiting += taken;
    waiting_size -= taken;
    if (head_size < head_bytes && !finished) return Step::need_input;
    data = head;
    size = head_size;
  } else {
    waiting_size = 0;
  }
  sniffed = true;
  error = wide_encoding(data, std::min(size, head_bytes));
  if (error != FileError::none) {
    error_line = 1;
    error_offset = 0;
    return Step::failed;
  }
  begin_piece(data, data + size);
  if (begins(data, size, "\xEF\xBB\xBF")) {
    cursor += 3;
    index.seek(cursor);
  }
  return Step::batch;
}

}  // namespace dap::csv
