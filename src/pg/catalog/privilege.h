// Who may define and change what: the checks that stand before every write to the catalog.
#pragma once

#include "bridge/pg.h"

namespace dap {

// Raises 42501 unless the current user could SET ROLE to `role`.
void require_set_role(Oid role);

// Raises 42501 unless the current user is a member of the relation's owner; 42P01 if there is no such relation.
void require_relation_owner(Oid relation);

}  // namespace dap
