#include "pg/catalog/privilege.h"

namespace dap {

namespace {

bool can_set_role(Oid member, Oid role) {
#if PG_VERSION_NUM >= 160000
  // 16 (3d14e171e9e) made SET ROLE an option of a membership.
  return member_can_set_role(member, role);
#else
  return is_member_of_role(member, role);
#endif
}

bool owns_relation(Oid relation, Oid user) {
#if PG_VERSION_NUM >= 160000
  // 16 (afbfc02983f) replaced the functions per kind of object by one.
  return object_ownercheck(RelationRelationId, relation, user);
#else
  return pg_class_ownercheck(relation, user);
#endif
}

}  // namespace

void require_set_role(Oid role) {
  if (can_set_role(GetUserId(), role)) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("must be able to SET ROLE \"%s\"", GetUserNameFromId(role, false)),
                  errdetail("One role owns the layers; only its members define sources and models."),
                  errhint("Ask for: GRANT %s TO %s", quote_identifier(GetUserNameFromId(role, false)),
                          quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

void require_relation_owner(Oid relation) {
  char* name = get_rel_name(relation);
  if (name == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relation)));
  }
  if (!owns_relation(relation, GetUserId())) {
    aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relation)), name);
  }
}

}  // namespace dap
