// What a member of a role may do as that role.
#pragma once

#include "bridge/pg.h"

namespace dap {

inline bool can_set_role(Oid member, Oid role) {
#if PG_VERSION_NUM >= 160000
  return member_can_set_role(member, role);  // 16 made SET ROLE an option of a membership (commit 3d14e171e9)
#else
  return is_member_of_role(member, role);
#endif
}

}  // namespace dap
