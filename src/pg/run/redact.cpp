#include "pg/run/redact.h"

namespace dap {

namespace {

// Classes whose messages or details quote what they complain about: data exceptions, violated constraints, views' check
// options, and whatever a function of the user's makes up itself.
constexpr const char* kQuotingClasses[] = {"22", "23", "38", "39", "44", "P0"};

char* copy_or_null(const char* text) { return text == nullptr ? nullptr : pstrdup(text); }

void append_name(StringInfo list, const char* kind, const char* name) {
  if (name == nullptr) return;
  appendStringInfo(list, "%s%s \"%s\"", list->len > 0 ? ", " : "", kind, name);
}

// The format string of an error's message says what went wrong without saying of which value; each conversion becomes
// "...". NULL where there is none, or where it is nothing but a conversion (RAISE, errors of other languages).
char* masked_format(const char* format) {
  if (format == nullptr || strcmp(format, "%s") == 0) return nullptr;
  StringInfoData text;
  initStringInfo(&text);
  for (const char* at = format; *at != '\0'; at++) {
    if (*at != '%') {
      appendStringInfoChar(&text, *at);
    } else if (at[1] == '%') {
      appendStringInfoChar(&text, *++at);
    } else {
      appendStringInfoString(&text, "...");
      at += 1 + strspn(at + 1, "-+ #0123456789.*$hlzjtqL");  // now at the conversion's letter
      if (*at == '\0') break;
    }
  }
  return text.data;
}

}  // namespace

bool may_quote_data(const ErrorData* error) {
  if (error->domain != nullptr && strcmp(error->domain, TEXTDOMAIN) == 0) return false;
  // What a procedural language raises is its function's author's text, under whatever SQLSTATE he chose.
  if (error->domain == nullptr || strcmp(error->domain, PG_TEXTDOMAIN("postgres")) != 0) return true;
  const char* state = unpack_sql_state(error->sqlerrcode);
  for (const char* quoting : kQuotingClasses)
    if (strncmp(state, quoting, 2) == 0) return true;
  return false;
}

ErrorData* redacted_copy(const ErrorData* error, const char* object) {
  ErrorData* copy = static_cast<ErrorData*>(palloc(sizeof(ErrorData)));
  memcpy(copy, error, sizeof(ErrorData));
  copy->assoc_context = CurrentMemoryContext;
  copy->schema_name = copy_or_null(error->schema_name);
  copy->table_name = copy_or_null(error->table_name);
  copy->column_name = copy_or_null(error->column_name);
  copy->datatype_name = copy_or_null(error->datatype_name);
  copy->constraint_name = copy_or_null(error->constraint_name);
  copy->backtrace = nullptr;
  if (!may_quote_data(error)) {
    copy->message = copy_or_null(error->message);
    copy->detail = copy_or_null(error->detail);
    copy->detail_log = copy_or_null(error->detail_log);
    copy->hint = copy_or_null(error->hint);
    copy->context = copy_or_null(error->context);
    copy->internalquery = copy_or_null(error->internalquery);
    return copy;
  }

  const char* said = masked_format(error->message_id);
  if (said == nullptr)
    said = psprintf("SQLSTATE %s (its message may quote a value and is withheld)", unpack_sql_state(error->sqlerrcode));
  copy->message = object != nullptr ? psprintf("%s: %s", object, said) : pstrdup(said);
  StringInfoData names;
  initStringInfo(&names);
  append_name(&names, "table", error->table_name);
  append_name(&names, "column", error->column_name);
  append_name(&names, "constraint", error->constraint_name);
  append_name(&names, "data type", error->datatype_name);
  copy->detail = names.len > 0 ? psprintf("The error names %s.", names.data) : nullptr;
  copy->detail_log = nullptr;
  copy->hint = nullptr;
  copy->context = nullptr;
  copy->internalquery = nullptr;
  copy->internalpos = 0;
  copy->cursorpos = 0;
  return copy;
}

}  // namespace dap
