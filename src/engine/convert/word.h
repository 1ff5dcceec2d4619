// Booleans and UUIDs, as PostgreSQL 15 reads them.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/convert/status.h"

namespace dap::convert {

// true, false, yes, no, on, off and their unique beginnings, 1 and 0; any case, blanks around ignored.
Status parse_boolean(std::string_view text, bool* result) noexcept;

// 32 hexadecimal digits, optionally in braces, with an optional hyphen after any four; 16 bytes are written. Blanks are
// not skipped.
Status parse_uuid(std::string_view text, std::uint8_t* result) noexcept;

}  // namespace dap::convert
