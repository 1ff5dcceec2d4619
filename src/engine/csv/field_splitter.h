// Cuts a record that is known to be flawless into its values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/csv/rules.h"

namespace dap::csv {

// Writes the values of record[0, size), which RecordMachine found without fault, to `out` (room for `fields`, their
// number). Values that are contiguous stay where they are; the others are copied to `arena`, which has room for
// RecordMachine::copied_bytes(), or, where `in_place` is the record's own memory, moved together within it.
// `bare_from`: RecordMachine::bare_from().
void split_fields(const Rules& rules, const char* record, std::size_t size, Field* out, std::size_t fields,
                  Arena& arena, char* in_place, std::uint64_t bare_from);

// Copies the inside of a quoted value to `to`, which may be `from`, without its escapes and returns where it ends.
char* unescape(const Rules& rules, const char* from, const char* end, char* to) noexcept;

}  // namespace dap::csv
