#include "engine/csv/survey.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "engine/text/utf8.h"

namespace dap::csv {
namespace {

ByteSurvey survey_of(const std::string& content, std::size_t chunk) {
  ByteSurvey survey('"');
  for (std::size_t at = 0; at < content.size(); at += chunk)
    survey.add(content.data() + at, std::min(chunk, content.size() - at));
  survey.finish();
  return survey;
}

TEST(ByteSurvey, DoesNotDependOnChunks) {
  std::mt19937 random(1);
  const std::string pieces[] = {"a",
                                "\n",
                                "\r\n",
                                "\r",
                                "\"",
                                "é",
                                "€",
                                "😀",
                                "\xE9",
                                "\xF0\x9F",
                                "\x93",
                                "\x81",
                                std::string(1, '\0'),
                                "long enough to be a block of its own, and then some more of it"};
  for (int round = 0; round < 2000; round++) {
    std::string content = round % 5 == 0 ? "\xEF\xBB\xBF" : "";
    const std::size_t most = round % 2 ? 8 : std::size(pieces);  // without and with what is no UTF-8
    for (int i = 0; i < 12; i++) content += pieces[random() % most];
    const ByteSurvey whole = survey_of(content, content.size() + 1);
    EXPECT_EQ(whole.is_utf8(), text::is_utf8(content.data(), content.size()));
    EXPECT_EQ(whole.has_bom(), round % 5 == 0);
    EXPECT_EQ(whole.bytes(), content.size());
    for (std::size_t chunk : {1, 2, 3, 5, 64}) {
      const ByteSurvey parts = survey_of(content, chunk);
      EXPECT_EQ(parts.is_utf8(), whole.is_utf8()) << round << " " << chunk;
      EXPECT_EQ(parts.has_bom(), whole.has_bom());
      EXPECT_EQ(parts.has_nul(), whole.has_nul());
      EXPECT_EQ(parts.lf(), whole.lf());
      EXPECT_EQ(parts.crlf(), whole.crlf());
      EXPECT_EQ(parts.cr(), whole.cr());
    }
  }
}

TEST(ByteSurvey, CountsLineEndsOutsideQuotes) {
  const ByteSurvey survey = survey_of("a\r\n\"b\nc\rd\"\r\ne\nf\rg\r", 3);
  EXPECT_EQ(survey.crlf(), 2u);
  EXPECT_EQ(survey.lf(), 1u);
  EXPECT_EQ(survey.cr(), 2u);
}

DelimiterGuess guess_of(const std::string& sample, bool whole = true) {
  return guess_delimiter(sample.data(), sample.size(), whole, Dialect{});
}

TEST(GuessDelimiter, TakesTheOneThatSplitsEvenly) {
  EXPECT_EQ(guess_of("a,b\n1,2\n").best, 0);
  EXPECT_EQ(guess_of("a;b\n1,5;2\n").best, 1);
  EXPECT_EQ(guess_of("a\tb\n1\t2\n").best, 2);
  EXPECT_EQ(guess_of("a|b\n\"1|,;\n\"|2\n").best, 3);
  EXPECT_EQ(guess_of("a\n1\n").best, -1);
  EXPECT_EQ(guess_of("").best, -1);
  EXPECT_EQ(guess_of("").scores[0].fields, 0u);
}

TEST(GuessDelimiter, SaysWhenTwoAreEven) {
  const DelimiterGuess guess = guess_of("a;b,c;d\n1;2,3;4\n");
  EXPECT_EQ(guess.best, 1);
  EXPECT_EQ(guess.rival, 0);
  EXPECT_EQ(guess_of("a,b\n1,2\n").rival, -1);
}

TEST(GuessDelimiter, LeavesOutWhatTheSampleCuts) {
  const DelimiterGuess guess = guess_of("a,b\n1,2\n3", false);
  EXPECT_EQ(guess.scores[0].even, 1u);
  EXPECT_EQ(guess.scores[0].uneven, 0u);
  EXPECT_EQ(guess_of("a,b\n1,2\n3", true).scores[0].uneven, 1u);
  EXPECT_EQ(guess_of("a,b\n1,2\n3,\"open", false).scores[0].even, 1u);
}

QuoteUse use_of(const std::string& sample, char quote, char escape, bool whole = true) {
  Dialect dialect;
  dialect.quote = quote;
  dialect.escape = escape;
  return quote_use(sample.data(), sample.size(), whole, dialect);
}

TEST(QuoteUse, CountsRecordsThatAreQuotedAndFaults) {
  const std::string escaped = "id,name\n1,\"a \\\"b\\\"\"\n2,\"c\"\n3,d\n";
  EXPECT_EQ(use_of(escaped, '"', '"').quoted, 2u);
  EXPECT_EQ(use_of(escaped, '"', '"').faults, 1u);
  EXPECT_EQ(use_of(escaped, '"', '\\').faults, 0u);
  EXPECT_EQ(use_of(escaped, '\'', '\'').quoted, 0u);
  const std::string single = "'id','name'\n1,'it''s'\n2,O'Brien\n";
  EXPECT_EQ(use_of(single, '\'', '\'').quoted, 2u);
  EXPECT_EQ(use_of(single, '\'', '\'').faults, 1u);
  EXPECT_EQ(use_of(single, '"', '"').quoted, 0u);
  // An open quote is one only where the file ends.
  EXPECT_EQ(use_of("a,b\n1,'x", '\'', '\'', true).faults, 1u);
  EXPECT_EQ(use_of("a,b\n1,'x", '\'', '\'', false).faults, 0u);
  EXPECT_EQ(use_of("'open", '\'', '\'', true).faults, 1u);
  EXPECT_EQ(use_of("", '"', '"').quoted, 0u);
}

}  // namespace
}  // namespace dap::csv
