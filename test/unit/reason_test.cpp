#include "engine/reason/reason.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace dap {
namespace {

Reason at(std::size_t i) { return static_cast<Reason>(i); }

bool is_sentences(const std::string& text) {
  return text.empty() || (text.ends_with('.') && std::islower(static_cast<unsigned char>(text.front())) == 0);
}

// Words as Markdown has them, in a cell of a table: a place is a name in italics.
std::string cell(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '{' || c == '}') result += '*';
    else if (c == '|' || c == '*' || c == '<') result += std::string("\\") + c;
    else result += c;
  }
  return result;
}

struct Section {
  Stage stage;
  const char* title;
  const char* text;
};

constexpr Section sections[] = {
    {Stage::file, "Files that fail",
     "None of such a file is loaded. A record's reason (below) fails the file where it is met in the header: `the "
     "header "
     "is broken: …`; and with option\n`on_error` `stop`, where it is the first."},
    {Stage::skip, "Files that are left out", "Nothing is wrong with them."},
    {Stage::ingest, "Records that are rejected",
     "`stage` in `dap.rejects` is `ingest`; the file's other records are "
     "loaded, as long as the source's limits allow."},
    {Stage::clean, "Values that no column takes",
     "`stage` in `dap.rejects` is `clean`; the record is in staging, and "
     "not in the model. What each type takes: [conversions.md](conversions.md)."},
};

// docs/errors.md.
std::string page() {
  std::string text =
      "# Reasons\n\n"
      "<!-- Made from src/engine/reason/reason_list.h; written anew by the unit test Reason.Page with "
      "DAP_WRITE_DOCS=1. -->\n\n"
      "Why a file, a record or a value was not taken. `reason` in `dap.rejects` has the code, which is the same in "
      "every "
      "version, and `message` the words;\n`dap.files` and the loading functions have a file's words in `reason`, "
      "behind "
      "line and column where there are any; `dap.sniff_csv` says both. Names in italics\nstand for numbers and names. "
      "No message holds a field's value: `raw` in `dap.rejects` does.\n";
  std::size_t i = 1;
  for (const Section& section : sections) {
    text += std::string("\n## ") + section.title + "\n\n" + section.text +
            "\n\n| code | words | what to do |\n|---|---|---|\n";
    for (; i < reason_count && reason_stage(at(i)) == section.stage; i++)
      text += std::string("| `") + reason_code(at(i)) + "` | " + cell(reason_words(at(i))) + " | " +
              cell(reason_hint(at(i))) + " |\n";
  }
  return text;
}

TEST(Reason, Texts) {
  EXPECT_EQ(reason_code(Reason::none), nullptr);
  std::map<std::string, std::string> names;  // code and words: no two reasons are the same
  for (std::size_t i = 1; i < reason_count; i++) {
    const std::string code = reason_code(at(i)), words = reason_words(at(i)), hint = reason_hint(at(i));
    EXPECT_FALSE(code.empty());
    EXPECT_EQ(code.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), code.npos) << code;
    EXPECT_FALSE(words.empty() || words.ends_with('.')) << code << ": " << words;
    EXPECT_TRUE(is_sentences(hint) || hint.starts_with("iconv ")) << code << ": " << hint;
    EXPECT_TRUE(names.emplace(words, code).second) << words;
    // Each place is closed before the next begins.
    bool open = false;
    for (const char c : words) {
      EXPECT_FALSE(open ? c == '{' : c == '}') << words;
      open = c == '{' || (open && c != '}');
    }
    EXPECT_FALSE(open) << words;
  }
}

// What queries of users look for.
TEST(Reason, CodesStay) {
  std::set<std::string> records, values;
  for (std::size_t i = 1; i < reason_count; i++) {
    if (reason_stage(at(i)) == Stage::ingest) records.insert(reason_code(at(i)));
    if (reason_stage(at(i)) == Stage::clean) values.insert(reason_code(at(i)));
  }
  EXPECT_EQ(records, (std::set<std::string>{"bare_cr", "field_count", "field_too_long", "invalid_encoding", "nul_byte",
                                            "quote_in_field", "record_too_long", "row_too_big", "text_after_quote",
                                            "unterminated_quote", "untranslatable_character"}));
  EXPECT_EQ(values, (std::set<std::string>{"after_max", "before_min", "invalid_boolean", "invalid_date",
                                           "invalid_number", "invalid_timestamp", "invalid_uuid", "missing_zone",
                                           "nonexistent_local_time", "out_of_range", "required", "unexpected_offset",
                                           "unexpected_time", "would_be_rounded"}));
}

// DAP_WRITE_DOCS=1 unit_tests --gtest_filter=Reason.Page writes the page.
TEST(Reason, Page) {
  const std::string path = DAP_SOURCE_DIR "/docs/errors.md";
  if (std::getenv("DAP_WRITE_DOCS") != nullptr) std::ofstream(path) << page();
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), page()) << "docs/errors.md is not what reason_list.h gives: DAP_WRITE_DOCS=1 writes it anew";
}

}  // namespace
}  // namespace dap
