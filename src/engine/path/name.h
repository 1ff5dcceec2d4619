// File names: their natural order, which of them are patterns, and the names that no pattern takes. Bytes throughout,
// whatever the locale.
#pragma once

#include <cstddef>

namespace dap::path {

// Natural order: bytes, but a run of digits counts as a number; names equal so far are told apart by their leading
// zeros, fewer first.
int natural_compare(const char* a, const char* b) noexcept;

// Has the component a wildcard, an escape or a group of alternatives: one of * ? [ and backslash, or {a,b}?
bool has_wildcard(const char* component, std::size_t length) noexcept;

// Names that are never taken by a pattern or a directory: dot files and unfinished transfers (*.tmp, *.part,
// *.filepart).
bool is_unfinished(const char* name) noexcept;

// Names that a directory's contents are made of: *.csv, *.csv.gz, *.csv.zst.
bool is_csv(const char* name) noexcept;

}  // namespace dap::path
