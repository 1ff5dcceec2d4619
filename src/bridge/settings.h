// The settings that change what a query means, and the value of each under which everything runs that the extension
// does as another role.
#pragma once

#include "bridge/pg.h"

namespace dap {

struct Setting {
  const char* name;
  const char* value;
};

// The setting as it is pinned, found by its name in any case; NULL where it is not pinned.
const Setting* pinned_setting(const char* name);
// Their names, for a message.
char* pinned_setting_names();
// Sets it to the end of the current GUC level; 22023 for a value that it does not take.
void set_setting(const char* name, const char* value);
// Gives each pinned setting its value, to the end of the current GUC level.
void pin_settings();

}  // namespace dap
