// Lower case in the database's collation, without asking the collation library about plain ASCII.
#include <cstring>

#include "pg/rule/rule.h"

namespace dap {

namespace {

constexpr uint8 ask_collation = 0x80;

// What the collation makes of each ASCII character alone, or ask_collation. Unicode's rules for a character's
// neighbours never apply between ASCII characters (they ask for combining marks, or concern capital sigma), so a text
// of ASCII characters lowers one by one. In a Turkish collation `I` becomes a character outside ASCII and is marked. A
// backend's database never changes its collation.
uint8 lower_table[128];
bool lower_table_ready = false;

void build_lower_table() {
  lower_table[0] = ask_collation;
  for (int i = 1; i < 128; ++i) {
    const char character = static_cast<char>(i);
    char* lower = str_tolower(&character, 1, DEFAULT_COLLATION_OID);
    const bool is_one_ascii = lower[0] != '\0' && lower[1] == '\0' && static_cast<uint8>(lower[0]) < 0x80;
    lower_table[i] = is_one_ascii ? static_cast<uint8>(lower[0]) : ask_collation;
    pfree(lower);
  }
  lower_table_ready = true;
}

}  // namespace

text* lower_text(const char* value, int length) {
  if (!lower_table_ready) build_lower_table();
  auto* result = static_cast<text*>(palloc(length + VARHDRSZ));
  SET_VARSIZE(result, length + VARHDRSZ);
  char* to = VARDATA(result);
  for (int i = 0; i < length; ++i) {
    const auto c = static_cast<uint8>(value[i]);
    const uint8 lower = c < 0x80 ? lower_table[c] : ask_collation;
    if (unlikely(lower == ask_collation)) {
      pfree(result);
      char* slow = str_tolower(value, length, DEFAULT_COLLATION_OID);
      result = cstring_to_text(slow);
      pfree(slow);
      return result;
    }
    to[i] = static_cast<char>(lower);
  }
  return result;
}

}  // namespace dap
