// The settings that a model wants otherwise than the extension pins them.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Lays a model's settings over the pinned ones, to the end of the current GUC level. Returns them as a definition keeps
// them: names as the server spells them, values as texts; NULL where there are none. 22023 for what is no object, a
// name that is not pinned, and a value that the setting does not take.
Jsonb* apply_settings(Jsonb* settings);

}  // namespace dap
