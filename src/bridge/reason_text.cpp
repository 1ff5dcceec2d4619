#include "bridge/reason_text.h"

#include <cstring>

namespace dap {

char* reason_text(Reason reason, std::initializer_list<const char*> parts) {
  StringInfoData text;
  initStringInfo(&text);
  const char* rest = reason_words(reason);
  for (const char* part : parts) {
    const char* place = std::strchr(rest, '{');
    const char* end = place ? std::strchr(place, '}') : nullptr;
    if (!end) elog(ERROR, "reason \"%s\" has fewer places than parts", reason_code(reason));
    appendBinaryStringInfo(&text, rest, static_cast<int>(place - rest));
    appendStringInfoString(&text, part);
    rest = end + 1;
  }
  if (std::strchr(rest, '{')) elog(ERROR, "reason \"%s\" has more places than parts", reason_code(reason));
  appendStringInfoString(&text, rest);
  return text.data;
}

}  // namespace dap
