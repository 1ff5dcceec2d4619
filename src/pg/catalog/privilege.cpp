#include "pg/catalog/privilege.h"

#include "bridge/compat/membership.h"
#include "bridge/run_as.h"

extern "C" {
#include "catalog/pg_class.h"
}

namespace dap {

void require_set_role(Oid role) {
  // A superuser may become any role, but there must be one.
  if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role with OID %u does not exist", role)));
  if (can_set_role(GetUserId(), role)) return;
  ereport(ERROR,
          (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
           errmsg("must be able to SET ROLE \"%s\"", GetUserNameFromId(role, false)),
           errdetail("One role owns the layers; only its members define sources and models."),
           superuser_arg(role) ? 0
                               : errhint("Ask for: GRANT %s TO %s", quote_identifier(GetUserNameFromId(role, false)),
                                         quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

void require_relation_owner(Oid relation) {
  const Oid owner = relation_owner(relation);
  // A member without INHERIT may act as well: it could SET ROLE first.
  if (has_privs_of_role(GetUserId(), owner) || can_set_role(GetUserId(), owner)) return;
  aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relation)), get_rel_name(relation));
}

}  // namespace dap
