// A message as a DETAIL or HINT has it.
#pragma once

#include <cstring>

#include "bridge/pg.h"

namespace dap {

// The text as a sentence: its first letter (of ASCII) capital, a full stop at its end.
inline char* sentence(const char* text) {
  const Size length = std::strlen(text);
  char* result = psprintf("%s%s", text, length > 0 && text[length - 1] == '.' ? "" : ".");
  result[0] = static_cast<char>(pg_ascii_toupper(static_cast<unsigned char>(result[0])));
  return result;
}

}  // namespace dap
