// What a file is that is no CSV, told by its first bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dap::csv {

enum class FileKind : std::uint8_t {
  text,  // nothing says that it is not
  utf16,
  utf32,
  gzip,  // still, after decompression
  zstd,
  bzip2,
  xz,
  seven_zip,
  zip,
  workbook,  // a ZIP archive, too: .xlsx, .ods and their kin
  ole,
  pdf,
  html,
  parquet,
  orc,
  avro,
  sqlite,
};

// How many first bytes (decompressed) file_kind() makes use of.
inline constexpr std::size_t file_kind_bytes = 1024;

// What the first bytes of a file, all of them where it has fewer than file_kind_bytes, cannot but be. No text that
// could be a CSV's beginning is taken for anything else: signatures that are letters count only together with what
// follows them in such files, UTF-16 and UTF-32 without a byte order mark only by characters of ASCII among others of
// their form.
FileKind file_kind(const char* first_bytes, std::size_t size) noexcept;

// The stable code, such as "zip", and what to say of it as a part of a sentence; "text" has none (NULL).
const char* file_kind_code(FileKind) noexcept;
const char* file_kind_message(FileKind) noexcept;

}  // namespace dap::csv
