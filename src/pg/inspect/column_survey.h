// What type a column's texts have, judged by the clean step's own conversions: every value must convert exactly and
// come back as it was written.
#pragma once

#include "bridge/pg.h"
#include "pg/csv/csv_reader.h"

namespace dap {

struct ColumnSurvey;  // of all columns of one file; flat in the number of records

// Lives in the current memory context.
ColumnSurvey* column_survey_open(int columns);
// A record's fields. May leave garbage in the current context.
void column_survey_add(ColumnSurvey*, const CsvField* fields, int64 line);

struct SurveyedColumn {
  const char* type;    // as format_type prints it
  const char* format;  // NULL: none
  int64 values;        // neither NULL nor empty
  int64 nulls;         // NULL or empty, as the clean step takes them
  const char* min;     // in the type's order, as written; of texts bytewise, their beginning; NULL: no value
  const char* max;
  int64 longest;     // characters
  const char* note;  // NULL: none
};
// `name` may say that digits are no number. Allocates in the current context.
SurveyedColumn column_survey_result(const ColumnSurvey*, int column, const char* name);

enum class HeaderFit : unsigned char { unknown, value, other };
// Could the field be a value of the column, whose type is known by now? `unknown` for texts, NULL and empty ones.
HeaderFit column_survey_fits(const ColumnSurvey*, int column, const char* name, const CsvField*);
// Is this the text of a number, a day or a moment, which no column's name is?
bool is_no_name(const ColumnSurvey*, const char* text);

}  // namespace dap
