// Alternatives in a file name's pattern: {a,b}.
#pragma once

namespace dap::path {

// Does one path component match a pattern as path::matches() reads it, or one of those that its groups {a,b} stand for? Groups may nest and hold
// empty alternatives; braces without a comma, behind a backslash, or past the eighth group are themselves.
bool matches_any(const char* pattern, const char* name) noexcept;

}  // namespace dap::path
