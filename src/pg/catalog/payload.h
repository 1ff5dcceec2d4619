// What dap_internal.write() is given, checked before a writer sees it: whoever may call it may not store what the
// public functions would refuse.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Raises what the public functions raise for such a definition, and 22023 for a payload that none of them would make.
// `relation` is the definition's table, which exists.
void check_source_payload(Oid relation, Jsonb* payload);
void check_model_payload(Oid relation, Jsonb* payload);
void check_dismiss_payload(Oid relation, Jsonb* payload);
void check_empty_payload(Oid relation, Jsonb* payload);

}  // namespace dap
