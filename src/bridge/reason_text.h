// The texts of a reason, made where they are written down.
#pragma once

#include <initializer_list>

#include "bridge/pg.h"
#include "engine/reason/reason.h"

namespace dap {

// The reason's words with each {place} filled by the next part, palloc'd.
char* reason_text(Reason, std::initializer_list<const char*> parts);

// A number as a part of them.
inline char* number_text(int64 number) { return psprintf(INT64_FORMAT, number); }

// Within ereport: the reason's hint as the error's, if there is one.
inline int reason_errhint(Reason reason) {
  return reason != Reason::none && reason_hint(reason)[0] != '\0' ? errhint("%s", reason_hint(reason)) : 0;
}

}  // namespace dap
