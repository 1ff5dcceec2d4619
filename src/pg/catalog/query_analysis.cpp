#include "pg/catalog/query_analysis.h"

#include "bridge/compat/tree_walker.h"
#include "bridge/run_as.h"
#include "bridge/type_text.h"
#include "pg/catalog/model_settings.h"
#include "pg/catalog/privilege.h"

extern "C" {
#include "catalog/heap.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "rewrite/rewriteSupport.h"
#include "tcop/tcopprot.h"
#include "utils/typcache.h"
}
#include "pg/catalog/view_query.h"

namespace dap {
namespace {

struct Walk {
  List* relations;
  List* views;
  List* open;  // the views whose queries are being walked, outermost first
  List* functions;
  List* clock_words;  // of int: where in the model's text literals stand that hold a word for the present
  StringInfoData literals;
  bool always;
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
bool find_clock_words(Node* node, void* context);

// One of the words that stand for the present in every type of dates and times (datetktbl in datetime.c), whatever is
// around it: '{today,epoch}' is a date[].
bool has_clock_word(const char* text) {
  constexpr const char* words[] = {"now", "today", "tomorrow", "yesterday"};
  auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  while (*text != '\0') {
    size_t length = 0;
    while (is_letter(text[length])) length++;
    for (const char* word : words) {
      if (length == strlen(word) && pg_strncasecmp(text, word, length) == 0) return true;
    }
    text += length > 0 ? length : 1;
  }
  return false;
}

// Over the query as it was written: the analysed one has values where literals were. `context` is a List* of their
// places.
bool find_clock_words(Node* node, void* context) {
  if (node == nullptr) return false;
  if (IsA(node, A_Const)) {
    A_Const* literal = reinterpret_cast<A_Const*>(node);
    List** places = static_cast<List**>(context);
    if (!literal->isnull && IsA(&literal->val, String) && has_clock_word(strVal(&literal->val)))
      *places = lappend_int(*places, literal->location);
    return false;
  }
  return raw_expression_tree_walker(node, tree_walker(find_clock_words), context);
}

Form_pg_type type_form(Oid type, FormData_pg_type* form) {
  HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for type %u", type);
  *form = *reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
  ReleaseSysCache(tuple);
  return form;
}

// The type and all that it is made of (an array's elements, a domain's base, a composite's attributes, a range's
// bounds), each once.
List* types_within(Oid type) {
  List* types = list_make1_oid(type);
  for (int next = 0; next < list_length(types); next++) {
    CHECK_FOR_INTERRUPTS();
    FormData_pg_type form;
    type_form(list_nth_oid(types, next), &form);
    if (form.typtype == TYPTYPE_DOMAIN) {
      types = list_append_unique_oid(types, form.typbasetype);
    } else if (form.typtype == TYPTYPE_RANGE) {
      types = list_append_unique_oid(types, get_range_subtype(form.oid));
    } else if (form.typtype == TYPTYPE_MULTIRANGE) {
      types = list_append_unique_oid(types, get_multirange_range(form.oid));
    } else if (form.typtype == TYPTYPE_COMPOSITE) {
      Relation relation = relation_open(form.typrelid, AccessShareLock);
      TupleDesc desc = RelationGetDescr(relation);
      for (int i = 0; i < desc->natts; i++)
        if (!TupleDescAttr(desc, i)->attisdropped)
          types = list_append_unique_oid(types, TupleDescAttr(desc, i)->atttypid);
      relation_close(relation, NoLock);
    } else if (OidIsValid(form.typelem) && form.typlen == -1) {
      types = list_append_unique_oid(types, form.typelem);
    }
  }
  return types;
}

bool made_of_schema(const List* types, bool (*wanted)(Oid schema)) {
  ListCell* cell;
  foreach (cell, types) {
    FormData_pg_type form;
    if (wanted(type_form(lfirst_oid(cell), &form)->typnamespace)) return true;
  }
  return false;
}

bool holds_time(Oid type) {
  ListCell* cell;
  foreach (cell, types_within(type)) {
    const Oid part = lfirst_oid(cell);
    if (part == DATEOID || part == TIMEOID || part == TIMETZOID || part == TIMESTAMPOID || part == TIMESTAMPTZOID)
      return true;
  }
  return false;
}

// A literal is read when the query is analysed, by the type's input function, and is a value from then on. Where that
// function looks at more than the text (the clock, the catalog) the value may be another one next time; a view's was
// read for good when the view was made.
void visit_literal(const Const* literal, Walk* state) {
  if (literal->constisnull || state->open != NIL) return;
  Oid function, element;
  getTypeInputInfo(literal->consttype, &function, &element);
  if (func_volatile(function) == PROVOLATILE_IMMUTABLE) return;
  if (list_member_int(state->clock_words, literal->location) && holds_time(literal->consttype)) state->always = true;
  bool is_varlena;
  getTypeOutputInfo(literal->consttype, &function, &is_varlena);
  appendStringInfo(&state->literals, "%s %s\n", format_type_extended(literal->consttype, -1, FORMAT_TYPE_FORCE_QUALIFY),
                   OidOutputFunctionCall(function, literal->constvalue));
}

// The extension's own functions are left out as the server's are: they change with a version alone.
bool note_function(Oid function, void* context) {
  Walk* state = static_cast<Walk*>(context);
  if (function >= FirstNormalObjectId && !is_own_schema(get_func_namespace(function)))
    state->functions = list_append_unique_oid(state->functions, function);
  return false;
}

// What is called without a node of an expression that says so.
void visit_ordering(const SortGroupClause* clause, Walk* state) {
  (void)note_function(get_opcode(clause->eqop), state);
  (void)note_function(get_opcode(clause->sortop), state);
}

void walk_query(Query* query, Walk* state) {
  check_stack_depth();
  CHECK_FOR_INTERRUPTS();
  if (query->hasModifyingCTE || query->commandType != CMD_SELECT) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a model's query cannot change data")));
  }
  if (query->rowMarks != NIL || query->hasForUpdate) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a model's query cannot lock rows")));
  }
  query_tree_walker(query, tree_walker(walk), state, QTW_EXAMINE_RTES_BEFORE | QTW_EXAMINE_SORTGROUP);
}

// What PostgreSQL refuses too, but not before the query runs.
[[noreturn]] void raise_recursion(Oid view, const List* open) {
  StringInfoData others;
  initStringInfo(&others);
  for (int i = list_length(open) - 1; list_nth_oid(open, i) != view; i--)
    appendStringInfo(&others, "%s%s", others.len ? ", " : "", relation_label(list_nth_oid(open, i)));
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_OBJECT_DEFINITION), errmsg("view %s reads itself", relation_label(view)),
           others.len ? errdetail("It does so through %s.", others.data) : 0, errhint("Redefine one of these views.")));
  pg_unreachable();
}

void visit_view(Oid view, Walk* state) {
  if (list_member_oid(state->open, view)) raise_recursion(view, state->open);
  if (list_member_oid(state->views, view)) return;
  state->views = lappend_oid(state->views, view);
  Query* query = view_query(view);
  if (contain_mutable_functions(reinterpret_cast<Node*>(query))) state->always = true;
  state->open = lappend_oid(state->open, view);
  walk_query(query, state);
  state->open = list_delete_last(state->open);
}

void visit_relation(const RangeTblEntry* entry, Walk* state) {
  if (entry->tablesample != nullptr) state->always = true;
  if (get_rel_persistence(entry->relid) == RELPERSISTENCE_TEMP) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("a model's query cannot read temporary relation \"%s\"", get_rel_name(entry->relid)),
                    errdetail("Other sessions do not see it, and it is gone when this one ends.")));
  }
  if (entry->relkind != RELKIND_VIEW) {
    state->relations = list_append_unique_oid(state->relations, entry->relid);
  } else if (entry->inFromCl || state->open == NIL || llast_oid(state->open) != entry->relid) {
    // Else it is OLD or NEW, as which a view's own rule names the view.
    visit_view(entry->relid, state);
  }
}

bool walk(Node* node, void* context) {
  Walk* state = static_cast<Walk*>(context);
  if (node == nullptr) return false;
  switch (nodeTag(node)) {
    case T_RangeTblEntry: {
      const RangeTblEntry* entry = reinterpret_cast<RangeTblEntry*>(node);
      if (entry->rtekind == RTE_RELATION) visit_relation(entry, state);
      return false;
    }
    case T_Query: walk_query(reinterpret_cast<Query*>(node), state); return false;
    case T_Const: visit_literal(reinterpret_cast<Const*>(node), state); return false;
    case T_SortGroupClause: visit_ordering(reinterpret_cast<SortGroupClause*>(node), state); return false;
    case T_SetOperationStmt:
      (void)walk(reinterpret_cast<Node*>(reinterpret_cast<SetOperationStmt*>(node)->groupClauses), context);
      break;
    case T_WindowClause: {
      const WindowClause* window = reinterpret_cast<WindowClause*>(node);
      (void)note_function(window->startInRangeFunc, state);
      (void)note_function(window->endInRangeFunc, state);
      break;
    }
    case T_MinMaxExpr:
      (void)note_function(
          lookup_type_cache(reinterpret_cast<MinMaxExpr*>(node)->minmaxtype, TYPECACHE_CMP_PROC)->cmp_proc, state);
      break;
    default: (void)check_functions_in_node(node, note_function, context);
  }
  return expression_tree_walker(node, tree_walker(walk), context);
}

// The type as a definition spells it.
char* column_type(const char* name, const Node* expression) {
  const Oid type = exprType(expression);
  if (get_typtype(type) == TYPTYPE_PSEUDO) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_TABLE_DEFINITION),
                    errmsg("column \"%s\" of the query has pseudo-type %s", name, format_type_be(type)),
                    errhint("Cast it to a type that a table can store.")));
  }
  const List* types = types_within(type);
  if (made_of_schema(types, isAnyTempNamespace)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("column \"%s\" of the query has temporary type %s", name, format_type_be(type)),
                    errdetail("It is gone when this session ends.")));
  }
  if (made_of_schema(types, is_own_schema)) {
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("column \"%s\" of the query has type %s, which belongs to the extension or holds a type that does",
                    name, format_type_be(type)),
             errdetail("A model's table must outlive the extension and be readable by every client."),
             errhint("Store an answer that was computed from it.")));
  }

  return type_text(type, exprTypmod(expression), exprCollation(expression));
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
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN),
                        errmsg("column name \"%s\" is given twice by the query", entry->resname)));
      }
    }
    analysis->names = lappend(analysis->names, entry->resname);
    Node* expression = reinterpret_cast<Node*>(entry->expr);
    analysis->types = lappend(analysis->types, column_type(entry->resname, expression));
    auto* column = static_cast<ResultColumn*>(palloc(sizeof(ResultColumn)));
    Oid collation = exprCollation(expression);
    *column = {entry->resname, exprType(expression), exprTypmod(expression),
               OidIsValid(collation) ? collation : get_typcollation(exprType(expression))};
    analysis->columns = lappend(analysis->columns, column);
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
  Walk state = {};
  initStringInfo(&state.literals);
  // Before the analysis, which writes into the tree.
  (void)find_clock_words(linitial_node(RawStmt, statements)->stmt, &state.clock_words);
  Query* query = parse_analyze_fixedparams(linitial_node(RawStmt, statements), text, nullptr, 0, nullptr);
  if (query->commandType != CMD_SELECT) {
    // SELECT ... INTO becomes a utility statement.
    ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("a model's query must be a plain SELECT"),
                    errhint("Leave INTO out: the model's table takes the rows.")));
  }

  state.always = contain_mutable_functions(reinterpret_cast<Node*>(query));
  walk_query(query, &state);
  list_sort(state.relations, list_oid_cmp);

  QueryAnalysis analysis = {NIL,         NIL, NIL, state.relations, state.views, state.functions, state.literals.data,
                            state.always};
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

// dap_internal.analyze_query(query text, owner regrole, INOUT settings jsonb, OUT columns text[], OUT types text[], OUT
// upstream regclass[], OUT always boolean)
DAP_FUNCTION(dap_analyze_model_query) {
  char* query = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const Oid owner = PG_GETARG_OID(1);

  TupleDesc descriptor;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "dap_internal.analyze_query must return a row");
  BlessTupleDesc(descriptor);

  require_set_role(owner);
  RunAs saved = run_as_begin(owner);
  Jsonb* settings = apply_settings(PG_ARGISNULL(2) ? nullptr : PG_GETARG_JSONB_P(2));
  const QueryAnalysis analysis = analyze_query(query);
  run_as_end(&saved);

  Datum values[5] = {JsonbPGetDatum(settings), text_array(analysis.names), text_array(analysis.types),
                     relation_array(analysis.upstream), BoolGetDatum(analysis.always)};
  bool nulls[5] = {settings == nullptr, false, false, false, false};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}

// dap_internal.type_text(type oid, typmod integer, collation oid) RETURNS text
DAP_FUNCTION(dap_type_text) {
  PG_RETURN_TEXT_P(cstring_to_text(dap::type_text(PG_GETARG_OID(0), PG_GETARG_INT32(1), PG_GETARG_OID(2))));
}
