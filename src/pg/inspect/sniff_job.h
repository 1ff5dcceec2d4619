// One file that dap.sniff_csv looks into: what its parts (dialect, columns, answer) share.
#pragma once

#include "bridge/pg.h"
#include "engine/reason/reason.h"
#include "pg/catalog/options.h"
#include "pg/file/byte_source.h"
#include "pg/inspect/column_survey.h"

namespace dap {

constexpr int most_reasons = 16;

struct ReasonCount {
  Reason reason;
  int64 count;
};

// One file on its way through. Everything lives in the caller's memory context.
struct Sniff {
  const char* given_path;
  const char* path;
  int files;
  Jsonb* call_options;
  SourceOptions* options;
  bool header_given;
  bool has_header;
  const char* encoding;  // NULL: none that is certain
  const char* suggested_encoding;
  bool bom;
  const char* line_ends;  // NULL: no line ends
  int64 bytes;
  int64 records;
  int64 rejects;
  int64 first_reject_line;
  ReasonCount reasons[most_reasons];
  int reason_count;
  bool complete;  // read to its end, without a fault
  char** header;
  int columns;
  char** names;  // of the columns
  bool names_usable;
  ColumnSurvey* survey;
  List* notes;  // of char*
};

// Adds a line of what is undecided or would go wrong.
void note(Sniff*, const char* format, ...) pg_attribute_printf(2, 3);
// Reads all of the source's bytes: encoding and line ends; quote, escape and delimiter, where the call does not give
// them, go to the options.
void judge_dialect(Sniff*, ByteSource*);

}  // namespace dap
