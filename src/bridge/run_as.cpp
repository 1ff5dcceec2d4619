#include "bridge/run_as.h"

#include "bridge/settings.h"

namespace dap {

namespace {

constexpr const char* kExtension = "dap_analytics";
constexpr const char* kSchema = "dap";
constexpr const char* kInternalSchema = "dap_internal";

[[noreturn]] void raise_not_installed(const char* what) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("%s of extension \"%s\" does not exist in database \"%s\"", what, kExtension,
                         get_database_name(MyDatabaseId)),
                  OidIsValid(get_extension_oid(kExtension, true))
                      ? errhint("Run ALTER EXTENSION %s UPDATE, or restore the extension's objects.", kExtension)
                      : errhint("Run CREATE EXTENSION %s.", kExtension)));
  pg_unreachable();
}

}  // namespace

Oid extension_oid() {
  Oid extension = get_extension_oid(kExtension, true);
  if (!OidIsValid(extension))
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("extension \"%s\" is not installed in database \"%s\"", kExtension,
                           get_database_name(MyDatabaseId)),
                    errhint("Run CREATE EXTENSION %s.", kExtension)));
  return extension;
}

RunAs run_as_begin(Oid role) {
  RunAs saved;
  GetUserIdAndSecContext(&saved.saved_user, &saved.saved_context);
  SetUserIdAndSecContext(role, saved.saved_context | SECURITY_RESTRICTED_OPERATION);
  saved.guc_level = NewGUCNestLevel();
  // What RestrictSearchPath() of 17 does: nothing that the role owns may be looked up by way of the caller's path.
  set_setting("search_path", "pg_catalog, pg_temp");
  pin_settings();
  return saved;
}

void run_as_end(const RunAs* saved) {
  AtEOXact_GUC(false, saved->guc_level);
  SetUserIdAndSecContext(saved->saved_user, saved->saved_context);
}

Oid ledger_owner() {
  Oid extension = extension_oid();
  internal_schema();  // what is done as this role is done there; a database that is not updated yet says so
  Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
  SysScanDesc scan = systable_beginscan(catalog, ExtensionOidIndexId, true, nullptr, 1, &key);
  HeapTuple tuple = systable_getnext(scan);
  Oid owner = HeapTupleIsValid(tuple) ? reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple))->extowner : InvalidOid;
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  if (!OidIsValid(owner)) raise_not_installed("the catalog entry");  // dropped by another session since the look-up
  return owner;
}

Oid internal_schema() {
  Oid schema = get_namespace_oid(kInternalSchema, true);
  if (!OidIsValid(schema)) raise_not_installed(psprintf("schema \"%s\"", kInternalSchema));
  return schema;
}

bool is_own_schema(Oid schema) {
  return OidIsValid(schema) &&
         (schema == get_namespace_oid(kSchema, true) || schema == get_namespace_oid(kInternalSchema, true));
}

Oid dap_relation(const char* name) {
  Oid relation = get_relname_relid(name, internal_schema());
  if (!OidIsValid(relation)) raise_not_installed(psprintf("relation \"%s.%s\"", kInternalSchema, name));
  // A table that somebody made in the schema by hand under one of our names must not receive what is meant for ours.
  // Indexes are no members of their own: their table vouches for them.
  Oid member = relation;
  char kind = get_rel_relkind(relation);
  if (kind == RELKIND_INDEX) member = IndexGetRelation(relation, false);
  if (getExtensionOfObject(RelationRelationId, member) != extension_oid())
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("relation \"%s.%s\" does not belong to extension \"%s\"", kInternalSchema, name, kExtension),
                    errhint("Drop or rename it and restore the extension's own table.")));
  return relation;
}

void check_runs_as_owner(Relation relation) {
  if (relation->rd_rel->relowner == GetUserId()) return;
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("table %s got another owner meanwhile", relation_label(RelationGetRelid(relation))),
                  errdetail("What is done with it is done with its owner's rights."), errhint("Try again.")));
}

Oid relation_owner(Oid relation) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relation)));
  Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
  ReleaseSysCache(tuple);
  return owner;
}

char* relation_label(Oid relation) {
  const char* name = get_rel_name(relation);
  if (!name)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relation)));
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), name);
}

}  // namespace dap
