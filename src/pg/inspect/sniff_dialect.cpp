// What a file's bytes say of its dialect and encoding.
#include <cstring>

#include "bridge/engine_call.h"
#include "engine/csv/file_kind.h"
#include "engine/csv/survey.h"
#include "pg/inspect/sniff_job.h"

namespace dap {

void note(Sniff* sniff, const char* format, ...) {
  StringInfoData text;
  initStringInfo(&text);
  for (;;) {
    va_list arguments;
    va_start(arguments, format);
    int needed = appendStringInfoVA(&text, format, arguments);
    va_end(arguments);
    if (needed == 0) break;
    enlargeStringInfo(&text, needed);
  }
  sniff->notes = lappend(sniff->notes, text.data);
}

namespace {

constexpr Size sample_bytes = 1024 * 1024;

const char* delimiter_name(char delimiter) { return delimiter == '\t' ? "tab" : psprintf("\"%c\"", delimiter); }

void judge_delimiter(Sniff* sniff, const csv::DelimiterGuess* guess) {
  if (guess->best < 0) {
    if (guess->scores[0].fields == 1)
      note(sniff, "no delimiter splits the first record: the file is read as one column");
    return;
  }
  const csv::DelimiterScore* best = &guess->scores[guess->best];
  sniff->options->delimiter = best->delimiter;
  if (guess->rival >= 0) {
    const csv::DelimiterScore* rival = &guess->scores[guess->rival];
    note(sniff, "undecided: delimiter %s gives %llu fields and %s gives %llu, in as many records; the first is assumed",
         delimiter_name(best->delimiter), static_cast<unsigned long long>(best->fields),
         delimiter_name(rival->delimiter), static_cast<unsigned long long>(rival->fields));
  } else if (best->share() < 0.9) {
    note(sniff, "undecided: only %d percent of the records have as many fields as the first, by the best delimiter %s",
         static_cast<int>(best->share() * 100), delimiter_name(best->delimiter));
  }
}

void judge_bytes(Sniff* sniff, const csv::ByteSurvey* survey) {
  sniff->bom = survey->has_bom();
  uint64 lf = survey->lf(), crlf = survey->crlf(), cr = survey->cr();
  if (lf && !crlf && !cr) sniff->line_ends = "LF";
  else if (crlf && !lf && !cr) sniff->line_ends = "CRLF";
  else if (cr && !lf && !crlf) sniff->line_ends = "CR";
  else if (lf || crlf || cr) {
    sniff->line_ends = "mixed";
    note(sniff, "line ends are mixed: LF %llu, CRLF %llu, CR %llu", static_cast<unsigned long long>(lf),
         static_cast<unsigned long long>(crlf), static_cast<unsigned long long>(cr));
  }
  if (is_given(sniff->call_options, "encoding")) {
    sniff->encoding = pg_encoding_to_char(sniff->options->encoding);
  } else if (survey->is_utf8()) {
    sniff->encoding = "UTF8";
  } else if (survey->has_nul()) {
    note(sniff, "the file is not UTF-8, and as it holds NUL bytes no text of another encoding that can be read");
  } else {
    sniff->suggested_encoding = survey->has_c1_bytes() && !survey->has_win1252_gaps() ? "WIN1252" : "LATIN1";
    note(sniff,
         "the file is not UTF-8: if it is %s, which bytes alone cannot prove, give option \"encoding\", here too",
         sniff->suggested_encoding);
  }
}

struct Marks {
  char delimiter;
  char quote;
  char escape;
};

csv::Dialect dialect_of(const Marks* marks) {
  csv::Dialect dialect;
  dialect.delimiter = marks->delimiter;
  dialect.quote = marks->quote;
  dialect.escape = marks->escape;
  return dialect;
}

// A file's beginning, and whether that is all of it.
struct Sample {
  char* data;
  Size size;
  bool whole;
};

csv::StopFlag stop_flag() { return INTERRUPTS_CAN_BE_PROCESSED() ? &InterruptPending : nullptr; }

csv::DelimiterGuess guess_delimiter(const Sample* sample, Marks marks) {
  csv::DelimiterGuess guess = {{}, -1, -1, false};
  do {
    CHECK_FOR_INTERRUPTS();
    EngineFault fault = try_engine([&] {
      guess = csv::guess_delimiter(sample->data, sample->size, sample->whole, dialect_of(&marks), stop_flag());
    });
    raise_engine_fault(fault, "the CSV scanner");
  } while (guess.stopped);  // not by what ends the query: from its start again
  return guess;
}

csv::QuoteUse quote_use(const Sample* sample, Marks marks) {
  csv::QuoteUse use = {0, 0, false};
  do {
    CHECK_FOR_INTERRUPTS();
    EngineFault fault = try_engine(
        [&] { use = csv::quote_use(sample->data, sample->size, sample->whole, dialect_of(&marks), stop_flag()); });
    raise_engine_fault(fault, "the CSV scanner");
  } while (use.stopped);
  return use;
}

// Another quote or escape than the default, where the default explains no quote and the other explains all of them.
// Each is a suggestion: a note says so.
void judge_quotes(Sniff* sniff, const Sample* sample) {
  if (is_given(sniff->call_options, "quote") || is_given(sniff->call_options, "escape") || sniff->options->lenient)
    return;
  bool delimiter_given = is_given(sniff->call_options, "delimiter");
  // The best delimiter under a quote and an escape, and how evenly it splits
  auto tried = [sniff, sample, delimiter_given](char quote, char escape, double* share) {
    Marks marks = {sniff->options->delimiter, quote, escape};
    *share = 1;
    if (delimiter_given) return marks;
    csv::DelimiterGuess guess = guess_delimiter(sample, marks);
    if (guess.best < 0) return marks;
    marks.delimiter = guess.scores[guess.best].delimiter;
    *share = guess.scores[guess.best].share();
    return marks;
  };
  double share, other_share;
  csv::QuoteUse use = quote_use(sample, tried('"', '"', &share));
  if (use.quoted > 0 && use.faults == 0) return;
  char quote = use.quoted > 0 ? '"' : '\'', escape = use.quoted > 0 ? '\\' : '\'';
  csv::QuoteUse other = quote_use(sample, tried(quote, escape, &other_share));
  if (other.quoted == 0 || other.faults > 0 || other_share < share) return;
  sniff->options->quote = quote;
  sniff->options->escape = escape;
  if (quote == '\'')
    note(sniff, "quote ' is assumed: no field begins with \", and with ' every quote stands where it may");
  else note(sniff, "escape \\ is assumed: with it every quote stands where it may");
}

// The first pass: every byte; keeps the file's beginning.
void survey_bytes(ByteSource* source, csv::ByteSurvey* survey, Sample* sample) {
  char* buffer = static_cast<char*>(palloc(sample_bytes / 4));
  sample->size = 0;
  while (Size size = byte_source_read(source, buffer, sample_bytes / 4)) {
    CHECK_FOR_INTERRUPTS();
    survey->add(buffer, size);
    Size taken = size < sample_bytes - sample->size ? size : sample_bytes - sample->size;
    std::memcpy(sample->data + sample->size, buffer, taken);
    sample->size += taken;
  }
  survey->finish();
  sample->whole = sample->size == survey->bytes();
  pfree(buffer);
}

}  // namespace

void judge_dialect(Sniff* sniff, ByteSource* source) {
  Sample sample = {static_cast<char*>(palloc(sample_bytes)), 0, false};
  csv::ByteSurvey survey(sniff->options->quote);
  survey_bytes(source, &survey, &sample);
  sniff->bytes = static_cast<int64>(survey.bytes());
  if (csv::file_kind(sample.data, sample.size) != Reason::none) return;  // the reader says what it is
  judge_quotes(sniff, &sample);
  if (sniff->options->quote == '\'' && !is_given(sniff->call_options, "quote")) {
    byte_source_rewind(source);  // line ends within quotes are none
    survey = csv::ByteSurvey(sniff->options->quote);
    survey_bytes(source, &survey, &sample);
  }
  judge_bytes(sniff, &survey);
  if (!is_given(sniff->call_options, "delimiter")) {
    csv::DelimiterGuess guess =
        guess_delimiter(&sample, {sniff->options->delimiter, sniff->options->quote, sniff->options->escape});
    judge_delimiter(sniff, &guess);
  }
  pfree(sample.data);
}

}  // namespace dap
