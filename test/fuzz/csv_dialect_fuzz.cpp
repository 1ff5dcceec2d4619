// What is said of a file before its dialect is known: encoding and line ends as a plain count finds them, in chunks of
// any size; and each delimiter's score as the reference splits the sample by it.
#include <string>

#include "csv_reference_support.h"
#include "engine/csv/survey.h"
#include "fuzz_support.h"

using namespace dap;
using namespace dap::fuzz;

namespace {

RecyclingMemory memory;

bool well_formed(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC0 || lead > 0xF7 || text.size() - i < static_cast<std::size_t>(more)) return false;
    std::uint32_t code = lead & (0x3F >> more);
    for (int k = 0; k < more; k++) {
      const auto next = static_cast<unsigned char>(text[i++]);
      if ((next & 0xC0) != 0x80) return false;
      code = code << 6 | (next & 0x3F);
    }
    const std::uint32_t least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
  }
  return true;
}

void check_survey(std::string_view file, char quote, std::size_t chunk) {
  csv::ByteSurvey survey(quote);
  for (std::size_t at = 0; at < file.size(); at += chunk)
    survey.add(file.data() + at, std::min(chunk, file.size() - at));
  survey.finish();
  std::uint64_t lf = 0, crlf = 0, cr = 0;
  bool outside = true, before_outside = true, nul = false, c1 = false, gaps = false;
  for (std::size_t i = 0; i < file.size(); i++) {
    const char c = file[i];
    const bool follows_cr = i > 0 && file[i - 1] == '\r' && before_outside;
    before_outside = outside;
    if (c == '\n' && (outside || follows_cr)) (follows_cr ? crlf : lf)++;
    if (c == '\r' && outside && (i + 1 == file.size() || file[i + 1] != '\n')) cr++;
    if (c == quote && quote != 0) outside = !outside;
    nul |= c == 0;
    const auto byte = static_cast<unsigned char>(c);
    c1 |= byte >= 0x80 && byte <= 0x9F;
    gaps |= std::string_view("\x81\x8D\x8F\x90\x9D").find(c) != std::string_view::npos;
  }
  require(survey.lf() == lf && survey.crlf() == crlf && survey.cr() == cr);
  require(survey.has_nul() == nul && survey.has_c1_bytes() == c1 && survey.has_win1252_gaps() == gaps);
  require(survey.has_bom() == (file.substr(0, 3) == "\xEF\xBB\xBF") && survey.bytes() == file.size());
  require(survey.is_utf8() == well_formed(file));
}

csv::DelimiterScore expected_score(std::string_view sample, bool whole, const csv::Dialect& dialect) {
  csv::DelimiterScore score{dialect.delimiter, 0, 0, 0};
  if (!whole && sample.size() < 3) return score;  // not enough to tell a byte order mark
  csv::test::Options options;
  options.dialect = dialect;
  options.good_header = true;
  options.goes_on = !whole;
  options.limits.field_bytes = options.limits.record_bytes = sample.size() + 1;
  const csv::test::Outcome outcome = csv::test::reference(sample, options);
  if (!outcome.header) return score;
  score.fields = outcome.header->values.size();
  score.even = outcome.rows.size();
  for (const auto& bad : outcome.bad)
    score.uneven += bad.offset > outcome.header->offset && bad.reason == "field_count";
  return score;
}

void check_guess(std::string_view sample, bool whole, const csv::Dialect& given) {
  const csv::DelimiterGuess guess = csv::guess_delimiter(sample.data(), sample.size(), whole, given, nullptr, &memory);
  double best_share = -1;
  std::uint64_t best_fields = 0;
  int best = -1;
  for (int i = 0; i < csv::common_delimiter_count; i++) {
    csv::Dialect dialect = given;
    dialect.delimiter = csv::common_delimiters[i];
    dialect.lenient = true;
    dialect.validate_utf8 = false;
    csv::DelimiterScore expected{dialect.delimiter, 0, 0, 0};
    if (dialect.delimiter != dialect.quote) expected = expected_score(sample, whole, dialect);
    const csv::DelimiterScore& got = guess.scores[i];
    require(got.delimiter == expected.delimiter && got.fields == expected.fields && got.even == expected.even &&
            got.uneven == expected.uneven);
    if (expected.fields < 2) continue;
    if (expected.share() > best_share || (expected.share() == best_share && expected.fields > best_fields)) {
      best = i;
      best_share = expected.share();
      best_fields = expected.fields;
    }
  }
  require(guess.best == best);
  bool rival = false;
  for (int i = 0; i < csv::common_delimiter_count; i++)
    rival |= best >= 0 && i != best && guess.scores[i].fields >= 2 && guess.scores[i].share() == best_share;
  require((guess.rival >= 0) == rival);
  if (rival)
    require(guess.rival != best && guess.scores[guess.rival].fields >= 2 &&
            guess.scores[guess.rival].share() == best_share);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < control_bytes) return 0;
  const Choice choice = choose(data);
  const std::string_view file(reinterpret_cast<const char*>(data) + control_bytes, size - control_bytes);
  use_level(choice.level);
  check_survey(file, choice.options.dialect.quote, std::max<std::size_t>(file.size(), 1));
  check_survey(file, choice.options.dialect.quote, choice.feeding.chunks[0]);
  check_guess(file, choice.feeding.finish_early, choice.options.dialect);
  return 0;
}
