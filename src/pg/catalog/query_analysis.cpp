#include "pg/catalog/query_analysis.h"

#include "bridge/run_as.h"
#include "pg/catalog/privilege.h"

extern "C" {
#include "catalog/heap.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "rewrite/rewriteSupport.h"
#include "tcop/tcopprot.h"
}
#include "pg/catalog/view_query.h"

namespace dap {
namespace {

struct Walk {
  List* relations;
  List* views;
  bool always;
  Oid view;  // whose query is being walked
};

// Moves a position in the model's query out of the client's statement, and explains names that were not found.
void explain_error(void* arg) {
  const char* query = static_cast<const char*>(arg);
  const int position = geterrposition();
  if (position > 0) {
    errposition(0);
    internalerrposition(position);
    internalerrquery(query);
  }
  const int code = geterrcode();
  if (code == ERRCODE_UNDEFINED_TABLE || code == ERRCODE_UNDEFINED_FUNCTION) {
    errhint("A model's query is read with an empty search_path: qualify names with their schema.");
  }
  errcontext("query of a model");
}

bool walk(Node* node, void* context);

#if PG_VERSION_NUM >= 160000
constexpr bool (*walk_callback)(Node*, void*) = walk;
#else
// Before 16 (1c27d16e6e5) walkers were declared without their arguments.
bool (*const walk_callback)() = reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walk));
#endif

void walk_query(Query* query, Walk* state) {
  check_stack_depth();
  if (query->hasModifyingCTE || query->commandType != CMD_SELECT) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a model's query cannot change data")));
  }
  if (query->rowMarks != NIL || query->hasForUpdate) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a model's query cannot lock rows")));
  }
  query_tree_walker(query, walk_callback, state, QTW_EXAMINE_RTES_BEFORE);
}

void visit_relation(const RangeTblEntry* entry, Walk* state) {
  if (entry->tablesample != nullptr) state->always = true;
  if (get_rel_persistence(entry->relid) == RELPERSISTENCE_TEMP) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a model's query cannot read temporary relation \"%s\"", get_rel_name(entry->relid)),
                    errdetail("Other sessions do not see it, and it is gone when this one ends.")));
  }
  if (entry->relkind != RELKIND_VIEW) {
    state->relations = list_append_unique_oid(state->relations, entry->relid);
    return;
  }
  // A view's own rule names the view itself (before 16 twice, as OLD and NEW).
  if (entry->relid == state->view) return;
  state->views = list_append_unique_oid(state->views, entry->relid);
  Query* query = view_query(entry->relid);
  if (contain_mutable_functions(reinterpret_cast<Node*>(query))) state->always = true;
  const Oid outer = state->view;
  state->view = entry->relid;
  walk_query(query, state);
  state->view = outer;
}

bool walk(Node* node, void* context) {
  Walk* state = static_cast<Walk*>(context);
  if (node == nullptr) return false;
  if (IsA(node, RangeTblEntry)) {
    const RangeTblEntry* entry = reinterpret_cast<RangeTblEntry*>(node);
    if (entry->rtekind == RTE_RELATION) visit_relation(entry, state);
    return false;
  }
  if (IsA(node, Query)) {
    walk_query(reinterpret_cast<Query*>(node), state);
    return false;
  }
  return expression_tree_walker(node, walk_callback, context);
}

// Is the type, or one that it is made of (an array's elements, a domain's base, a composite's attributes, a range's bounds), in such a schema?
bool made_of_schema(Oid type, bool (*wanted)(Oid schema)) {
  check_stack_depth();
  HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for type %u", type);
  const FormData_pg_type form = *reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
  ReleaseSysCache(tuple);
  if (wanted(form.typnamespace)) return true;
  switch (form.typtype) {
    case TYPTYPE_DOMAIN:
      return made_of_schema(form.typbasetype, wanted);
    case TYPTYPE_RANGE:
      return made_of_schema(get_range_subtype(type), wanted);
    case TYPTYPE_MULTIRANGE:
      return made_of_schema(get_multirange_range(type), wanted);
    case TYPTYPE_COMPOSITE: {
      bool found = false;
      Relation relation = relation_open(form.typrelid, AccessShareLock);
      TupleDesc desc = RelationGetDescr(relation);
      for (int i = 0; i < desc->natts && !found; i++)
        found = !TupleDescAttr(desc, i)->attisdropped && made_of_schema(TupleDescAttr(desc, i)->atttypid, wanted);
      relation_close(relation, NoLock);
      return found;
    }
    default:
      return OidIsValid(form.typelem) && form.typlen == -1 && made_of_schema(form.typelem, wanted);
  }
}

// The type as CREATE TABLE takes it under any search_path.
char* column_type(const char* name, const Node* expression) {
  const Oid type = exprType(expression);
  if (get_typtype(type) == TYPTYPE_PSEUDO) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_TABLE_DEFINITION),
                    errmsg("column \"%s\" of the query has pseudo-type %s", name, format_type_be(type)),
                    errhint("Cast it to a type that a table can store.")));
  }
  if (made_of_schema(type, isAnyTempNamespace)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("column \"%s\" of the query has temporary type %s", name, format_type_be(type)),
                    errdetail("It is gone when this session ends.")));
  }
  if (made_of_schema(type, [](Oid schema) { return schema == dap_schema(); })) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("column \"%s\" of the query has type %s, which belongs to the extension or holds a type that does", name, format_type_be(type)),
                    errdetail("A model's table must outlive the extension and be readable by every client."),
                    errhint("Store an answer that was computed from it.")));
  }

  char* text = format_type_extended(type, exprTypmod(expression), FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
  if (exprTypmod(expression) < 0) text = format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY);
  const Oid collation = exprCollation(expression);
  if (OidIsValid(collation) && collation != get_typcollation(type)) {
    text = psprintf("%s COLLATE %s", text, quote_qualified_identifier(collation_schema(collation), get_collation_name(collation)));
  }
  return text;
}

void collect_columns(const Query* query, QueryAnalysis* analysis) {
  ListCell* cell;
  foreach (cell, query->targetList) {
    const TargetEntry* entry = static_cast<TargetEntry*>(lfirst(cell));
    if (entry->resjunk) continue;
    if (entry->resname == nullptr || strcmp(entry->resname, "?column?") == 0) {
      ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("column %d of the query has no name", entry->resno),
                      errhint("Name it with AS.")));
    }
    ListCell* earlier;
    foreach (earlier, analysis->names) {
      if (strcmp(static_cast<char*>(lfirst(earlier)), entry->resname) == 0) {
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN), errmsg("column name \"%s\" is given twice by the query", entry->resname)));
      }
    }
    analysis->names = lappend(analysis->names, entry->resname);
    analysis->types = lappend(analysis->types, column_type(entry->resname, reinterpret_cast<Node*>(entry->expr)));
  }
  if (analysis->names == NIL) {
    ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("a model's query must give at least one column")));
  }
}

}  // namespace

QueryAnalysis analyze_query(const char* text) {
  ErrorContextCallback callback = {error_context_stack, explain_error, const_cast<char*>(text)};
  error_context_stack = &callback;

  List* statements = pg_parse_query(text);
  if (list_length(statements) != 1 || !IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt)) {
    ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("a model's query must be exactly one SELECT")));
  }
  Query* query = parse_analyze_fixedparams(linitial_node(RawStmt, statements), text, nullptr, 0, nullptr);
  if (query->commandType != CMD_SELECT) {
    // SELECT ... INTO becomes a utility statement.
    ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("a model's query must be a plain SELECT"),
                    errhint("Leave INTO out: the model's table takes the rows.")));
  }

  Walk state = {NIL, NIL, contain_mutable_functions(reinterpret_cast<Node*>(query)), InvalidOid};
  walk_query(query, &state);
  list_sort(state.relations, list_oid_cmp);

  QueryAnalysis analysis = {NIL, NIL, state.relations, state.views, state.always};
  collect_columns(query, &analysis);
  error_context_stack = callback.previous;
  return analysis;
}

}  // namespace dap

using namespace dap;

namespace {

Datum text_array(const List* strings) {
  const int count = list_length(strings);
  Datum* values = static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1)));
  for (int i = 0; i < count; i++) values[i] = CStringGetTextDatum(static_cast<char*>(list_nth(strings, i)));
  return PointerGetDatum(construct_array(values, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum relation_array(const List* relations) {
  const int count = list_length(relations);
  Datum* values = static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1)));
  for (int i = 0; i < count; i++) values[i] = ObjectIdGetDatum(list_nth_oid(relations, i));
  return PointerGetDatum(construct_array(values, count, REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT));
}

}  // namespace

// dap._analyze_query(query text, owner regrole, OUT columns text[], OUT types text[], OUT upstream regclass[], OUT always boolean)
DAP_FUNCTION(dap_analyze_query) {
  char* query = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const Oid owner = PG_GETARG_OID(1);

  TupleDesc descriptor;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE) elog(ERROR, "dap._analyze_query must return a row");
  BlessTupleDesc(descriptor);

  require_set_role(owner);
  RunAs saved = run_as_begin(owner);
  const QueryAnalysis analysis = analyze_query(query);
  run_as_end(&saved);

  Datum values[4] = {text_array(analysis.names), text_array(analysis.types), relation_array(analysis.upstream),
                     BoolGetDatum(analysis.always)};
  bool nulls[4] = {false, false, false, false};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}
