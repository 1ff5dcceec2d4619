// What a file is that is no CSV, told by its first bytes.
#pragma once

#include <cstddef>

#include "engine/reason/reason.h"

namespace dap::csv {

// How many first bytes (decompressed) file_kind() makes use of.
inline constexpr std::size_t file_kind_bytes = 1024;

// What the first bytes of a file, all of them where it has fewer than file_kind_bytes, cannot but be: utf16 to sqlite,
// or none where nothing says that they are no text. No text that could be a CSV's beginning is taken for anything else:
// signatures that are letters count only together with what follows them in such files, UTF-16 and UTF-32 without a
// byte order mark only by characters of ASCII among others of their form.
Reason file_kind(const char* first_bytes, std::size_t size) noexcept;

}  // namespace dap::csv
