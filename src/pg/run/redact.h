// Which error texts may be kept and logged: never one that quotes a field's value.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Whether message, detail, hint or context of an error may quote data. The module's own errors (told by their domain)
// never do.
bool may_quote_data(const ErrorData*);
// A palloc'd copy of the error without what may quote data; `object` is what was worked on, or nullptr.
ErrorData* redacted_copy(const ErrorData*, const char* object);

}  // namespace dap
