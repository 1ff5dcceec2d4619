#include "pg/table/table_hooks.h"

#include "bridge/run_as.h"
#include "pg/catalog/guard.h"

extern "C" {
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteDefine.h"
#include "utils/reltrigger.h"
}

namespace dap {
namespace {

struct Lists {
  StringInfoData acting;
  StringInfoData noticing;
};

void add(StringInfo list, const char* hook) { appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "", hook); }

void add_to_both(Lists* lists, const char* hook) {
  add(&lists->acting, hook);
  add(&lists->noticing, hook);
}

bool is_refusal_only(Oid function) {
  return function == F_RI_FKEY_NOACTION_DEL || function == F_RI_FKEY_NOACTION_UPD ||
         function == F_RI_FKEY_RESTRICT_DEL || function == F_RI_FKEY_RESTRICT_UPD;
}

// A foreign key that refers to the table has two triggers on it: that of deletes speaks for both.
void add_reference(Lists* lists, const Trigger* trigger) {
  const char* key = psprintf("foreign key \"%s\" of %s", get_constraint_name(trigger->tgconstraint),
                             relation_label(trigger->tgconstrrelid));
  if (TRIGGER_FOR_DELETE(trigger->tgtype)) add(&lists->noticing, key);
  if (!is_refusal_only(trigger->tgfoid)) add(&lists->acting, key);
}

void add_trigger(Lists* lists, const Trigger* trigger) {
  if (trigger->tgenabled == TRIGGER_DISABLED) return;
  if (!TRIGGER_FOR_INSERT(trigger->tgtype) && !TRIGGER_FOR_UPDATE(trigger->tgtype) &&
      !TRIGGER_FOR_DELETE(trigger->tgtype))
    return;
  switch (RI_FKey_trigger_type(trigger->tgfoid)) {
    case RI_TRIGGER_PK: add_reference(lists, trigger); return;
    case RI_TRIGGER_FK: return;
  }
  if (trigger->tgfoid != F_UNIQUE_KEY_RECHECK) add_to_both(lists, psprintf("trigger \"%s\"", trigger->tgname));
}

void add_hooks_of(Lists* lists, Relation relation) {
  // Naming what is found looks things up in the catalog, and so may have the relcache built anew: what it holds is not
  // held on to.
  const TriggerDesc* triggers = CopyTriggerDesc(relation->trigdesc);
  for (int i = 0; triggers && i < triggers->numtriggers; i++) add_trigger(lists, &triggers->triggers[i]);
  int acting_rules = 0;
  const RuleLock* rules = relation->rd_rules;
  for (int i = 0; rules && i < rules->numLocks; i++)
    acting_rules += rules->rules[i]->event != CMD_SELECT && rules->rules[i]->enabled != RULE_DISABLED;
  for (int i = 0; i < acting_rules; i++)
    add_to_both(lists, psprintf("a rule of %s", relation_label(RelationGetRelid(relation))));
  char kind = relation->rd_rel->relkind;
  if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
    add_to_both(lists, psprintf("the server of %s", relation_label(RelationGetRelid(relation))));
}

}  // namespace

TableHooks table_hooks(Oid relation) {
  Lists lists;
  initStringInfo(&lists.acting);
  initStringInfo(&lists.noticing);
  List* members = get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE
                      ? find_all_inheritors(relation, RowExclusiveLock, nullptr)
                      : list_make1_oid(relation);
  ListCell* cell;
  foreach (cell, members) {
    Relation member = table_open(lfirst_oid(cell), NoLock);
    add_hooks_of(&lists, member);
    table_close(member, NoLock);
  }
  return {lists.acting.len > 0 ? lists.acting.data : nullptr, lists.noticing.len > 0 ? lists.noticing.data : nullptr};
}

bool has_insert_trigger(Relation relation) {
  if (!relation->trigdesc) return false;
  Oid guard = guard_function();
  for (int i = 0; i < relation->trigdesc->numtriggers; i++) {
    const Trigger* trigger = &relation->trigdesc->triggers[i];
    if (TRIGGER_FOR_INSERT(trigger->tgtype) && trigger->tgfoid != guard) return true;
  }
  return false;
}

}  // namespace dap
