// Files that have broken CSV readers before, each with what must come of it.
#include <gtest/gtest.h>

#include <algorithm>

#include "csv_support.h"
#include "engine/simd/kernels.h"

namespace dap::csv::test {
namespace {

using namespace std::string_literals;

std::vector<Value> values(std::initializer_list<const char*> texts) {
  std::vector<Value> result;
  for (const char* text : texts) result.push_back(text == nullptr ? Value() : Value(text));
  return result;
}

Row row(std::uint64_t line, std::uint64_t offset, std::string raw, std::initializer_list<const char*> texts) {
  return {line, offset, std::move(raw), values(texts)};
}

Bad bad(std::uint64_t line, std::uint64_t offset, const char* reason, std::int32_t column, std::string raw,
        std::uint32_t fields = 0) {
  const std::uint64_t size = raw.size();
  return {line, offset, reason, column, fields, std::move(raw), size};
}

// Holds for every kernel and several ways to feed.
void expect(const std::string& file, const Outcome& expected, const Options& options = {}) {
  for (const simd::Kernels* kernels : simd::available()) {
    ASSERT_TRUE(simd::select(kernels->name));
    for (const Feeding& feeding :
         {Feeding{}, Feeding{{1}}, Feeding{{2}, 1}, Feeding{{7, 3}, 2, true}, Feeding{{64}}, Feeding{{}, 1000, true}})
      EXPECT_EQ(show(scan(file, options, feeding)), show(expected)) << show(file) << " with " << kernels->name;
  }
  simd::select("auto");
}

Outcome rows(Row header, std::vector<Row> rows, std::vector<Bad> bad = {}) {
  Outcome outcome;
  outcome.header = std::move(header);
  outcome.rows = std::move(rows);
  outcome.bad = std::move(bad);
  return outcome;
}

Options lenient() {
  Options options;
  options.dialect.lenient = true;
  return options;
}

const Row foo = row(1, 0, "foo,bar,baz", {"foo", "bar", "baz"});
const Row abc = row(1, 0, "a,b,c", {"a", "b", "c"});

TEST(CsvTorture, AllEmpty) { expect("\n\n", {}); }
TEST(CsvTorture, NothingAtAll) { expect("", {}); }

TEST(CsvTorture, HeaderOfOtherWidth) {
  expect("foo,bar,baz\n1,2", rows(foo, {}, {bad(2, 12, "field_count", -1, "1,2", 2)}));
  expect("foo,bar,baz\n1,2,3,4", rows(foo, {}, {bad(2, 12, "field_count", -1, "1,2,3,4", 4)}));
  expect("qux,quux,quuz", rows(row(1, 0, "qux,quux,quuz", {"qux", "quux", "quuz"}), {}));
}

TEST(CsvTorture, MissingQuote) {
  Outcome expected = rows(foo, {});
  expected.error = Reason::unclosed_quote;
  expected.error_line = 2;
  expected.error_offset = 12;
  expect("foo,bar,baz\n1,\"I forgot to close this one,3", expected);
  expect("foo,bar,baz\n1,\"I forgot to close this one,3", expected, lenient());
}

TEST(CsvTorture, UnterminatedQuoteIsReportedWhereItOpened) {
  Outcome expected = rows(row(1, 0, "a,b", {"a", "b"}), {row(2, 4, "1,2", {"1", "2"})});
  expected.error = Reason::unclosed_quote;
  expected.error_line = 4;    // the second quoted value opens there
  expected.error_offset = 8;  // its record begins here
  expect("a,b\n1,2\n\"x\ny\",\"z\nmore\n", expected);
}

TEST(CsvTorture, QuotesThatShouldHaveBeenEscaped) {
  const std::string after = "1,\"Hey, I missed \" it\",3";
  expect("foo,bar,baz\n" + after, rows(foo, {}, {bad(2, 12, "text_after_quote", 1, after)}));
  expect("foo,bar,baz\n" + after, rows(foo, {row(2, 12, after, {"1", "Hey, I missed \" it", "3"})}), lenient());
  const std::string inside = "1,This \"quotes\" must be escaped,3";
  expect("foo,bar,baz\n" + inside, rows(foo, {}, {bad(2, 12, "quote_in_field", 1, inside)}));
  expect("foo,bar,baz\n" + inside, rows(foo, {row(2, 12, inside, {"1", "This \"quotes\" must be escaped", "3"})}),
         lenient());
}

TEST(CsvTorture, QuotedValues) {
  const Row places = row(1, 0, "first,last,address,city,zip", {"first", "last", "address", "city", "zip"});
  expect("first,last,address,city,zip\nJohn,Doe,120 any st.,\"Anytown, WW\",08123",
         rows(places, {row(2, 28, "John,Doe,120 any st.,\"Anytown, WW\",08123",
                           {"John", "Doe", "120 any st.", "Anytown, WW", "08123"})}));
  expect("foo,bar,baz\n1,\"Luke, I am your father.\",3",
         rows(foo, {row(2, 12, "1,\"Luke, I am your father.\",3", {"1", "Luke, I am your father.", "3"})}));
  expect("foo,bar,baz\n1,\"The \"\" must be escaped\",3",
         rows(foo, {row(2, 12, "1,\"The \"\" must be escaped\",3", {"1", "The \" must be escaped", "3"})}));
  expect("foo,bar,baz\n1,\"No man is an island,\nEntire of itself\",3",
         rows(foo, {row(2, 12, "1,\"No man is an island,\nEntire of itself\",3",
                        {"1", "No man is an island,\nEntire of itself", "3"})}));
  expect("foo,bar,baz\n1,\"Field with spaces\",3",
         rows(foo, {row(2, 12, "1,\"Field with spaces\",3", {"1", "Field with spaces", "3"})}));
  const Row ab = row(1, 0, "a,b", {"a", "b"});
  expect("a,b\n1,\"ha \"\"ha\"\" ha\"\n3,4\n",
         rows(ab, {row(2, 4, "1,\"ha \"\"ha\"\" ha\"", {"1", "ha \"ha\" ha"}), row(3, 21, "3,4", {"3", "4"})}));
  expect("a,b\n1,\"ha \n\"\"ha\"\" \nha\"\n3,4\n",
         rows(ab, {row(2, 4, "1,\"ha \n\"\"ha\"\" \nha\"", {"1", "ha \n\"ha\" \nha"}), row(5, 23, "3,4", {"3", "4"})}));
  const std::string json = "1,\"{\"\"type\"\": \"\"Point\"\", \"\"coordinates\"\": [102.0, 0.5]}\"";
  expect("key,val\n" + json + "\n",
         rows(row(1, 0, "key,val", {"key", "val"}),
              {row(2, 8, json, {"1", "{\"type\": \"Point\", \"coordinates\": [102.0, 0.5]}"})}));
}

TEST(CsvTorture, NullAndEmpty) {
  expect("foo,bar,baz\n1,,3", rows(foo, {row(2, 12, "1,,3", {"1", nullptr, "3"})}));
  expect("foo,bar,baz\n1,\"\",3", rows(foo, {row(2, 12, "1,\"\",3", {"1", "", "3"})}));
  expect("a,b,c\n1,\"\",\"\"\n2,3,4",
         rows(abc, {row(2, 6, "1,\"\",\"\"", {"1", "", ""}), row(3, 14, "2,3,4", {"2", "3", "4"})}));
  expect("a,b,c\r\n1,\"\",\"\"\r\n2,3,4",
         rows(abc, {row(2, 7, "1,\"\",\"\"", {"1", "", ""}), row(3, 16, "2,3,4", {"2", "3", "4"})}));
  Options options;
  options.dialect.null_text = "NA";
  expect("a,b,c\nNA,\"NA\",\nN,NAN,\"\"",
         rows(abc, {row(2, 6, "NA,\"NA\",", {nullptr, "NA", ""}), row(3, 15, "N,NAN,\"\"", {"N", "NAN", ""})}),
         options);
}

TEST(CsvTorture, OneColumn) {
  const Row one = row(1, 0, "foo", {"foo"});
  expect("foo\n\n", rows(one, {row(2, 4, "", {nullptr})}));
  expect("foo\n\n\r\n1\n\n", rows(one, {row(2, 4, "", {nullptr}), row(3, 5, "", {nullptr}), row(4, 7, "1", {"1"}),
                                        row(5, 9, "", {nullptr})}));
  expect("foo\n1", rows(one, {row(2, 4, "1", {"1"})}));
  expect("foo\n1\n", rows(one, {row(2, 4, "1", {"1"})}));
  Options options;
  options.dialect.null_text = "-";
  expect("foo\n\n-\n", rows(one, {row(2, 4, "", {""}), row(3, 5, "-", {nullptr})}), options);
}

TEST(CsvTorture, EmptyLinesAreSkipped) {
  expect("\n\r\nfoo,bar,baz\n\n1,2,3\n\r\n\n4,5,6\n\n",
         rows(row(3, 3, "foo,bar,baz", {"foo", "bar", "baz"}),
              {row(5, 16, "1,2,3", {"1", "2", "3"}), row(8, 25, "4,5,6", {"4", "5", "6"})}));
}

TEST(CsvTorture, LineEnds) {
  expect("foo,bar,baz", rows(foo, {}));
  for (const char* end : {"\n", "\r\n", "\r"}) {
    const std::string e = end;
    const std::uint64_t second = 11 + e.size();
    expect("foo,bar,baz" + e + "1,2,3", rows(foo, {row(2, second, "1,2,3", {"1", "2", "3"})}));
    expect("foo,bar,baz" + e + "1,2,3" + e, rows(foo, {row(2, second, "1,2,3", {"1", "2", "3"})}));
  }
  // LF and CRLF mixed; a CR alone ends nothing there.
  expect("a,b,c\n1,2,3\r\n4,5\r,6\n7,8,9\r\r\n0,0,0\r",
         rows(abc, {row(2, 6, "1,2,3", {"1", "2", "3"})},
              {bad(3, 13, "bare_cr", 1, "4,5\r,6"), bad(4, 20, "bare_cr", 2, "7,8,9\r"),
               bad(5, 28, "bare_cr", 2, "0,0,0\r")}));
  // CR decides: then LF and CRLF end records too.
  expect("a,b,c\r1,2,3\n4,5,6\r\n7,8,9\r\r\n0,0,0\r",
         rows(abc, {row(2, 6, "1,2,3", {"1", "2", "3"}), row(3, 12, "4,5,6", {"4", "5", "6"}),
                    row(4, 19, "7,8,9", {"7", "8", "9"}), row(6, 27, "0,0,0", {"0", "0", "0"})}));
  // Lines inside quotes: a CR alone is one only where it ends records.
  expect("a,\"b\r\",c\r1,\"\r\n\n\r\",3\r4,5,6",
         rows(row(1, 0, "a,\"b\r\",c", {"a", "b\r", "c"}),
              {row(3, 9, "1,\"\r\n\n\r\",3", {"1", "\r\n\n\r", "3"}), row(7, 20, "4,5,6", {"4", "5", "6"})}));
  expect("a,\"b\r\",c\n1,\"\r\n\n\r\",3\n4,5,6",
         rows(row(1, 0, "a,\"b\r\",c", {"a", "b\r", "c"}),
              {row(2, 9, "1,\"\r\n\n\r\",3", {"1", "\r\n\n\r", "3"}), row(5, 20, "4,5,6", {"4", "5", "6"})}));
  expect("a,b,c\r\n1,2,3\r\n\"Once upon \r\na time\",5,6\r\n7,8,9\r\n",
         rows(abc, {row(2, 7, "1,2,3", {"1", "2", "3"}),
                    row(3, 14, "\"Once upon \r\na time\",5,6", {"Once upon \r\na time", "5", "6"}),
                    row(5, 40, "7,8,9", {"7", "8", "9"})}));
}

TEST(CsvTorture, SpacesBelongToTheField) {
  expect("foo,bar,baz\n1, leading space,3",
         rows(foo, {row(2, 12, "1, leading space,3", {"1", " leading space", "3"})}));
  expect("foo,bar,baz\n1,trailing space ,3",
         rows(foo, {row(2, 12, "1,trailing space ,3", {"1", "trailing space ", "3"})}));
  expect("foo,bar,baz\n1, \"x\",3", rows(foo, {}, {bad(2, 12, "quote_in_field", 1, "1, \"x\",3")}));
  expect("foo,bar,baz\n1,\"x\" ,3", rows(foo, {}, {bad(2, 12, "text_after_quote", 1, "1,\"x\" ,3")}));
  expect("foo,bar,baz\n ,  ,", rows(foo, {row(2, 12, " ,  ,", {" ", "  ", nullptr})}));
}

TEST(CsvTorture, BackslashDotIsData) {
  expect("a,b,c\n\\.,\\N,3\n\\.\n4,5,6",
         rows(abc, {row(2, 6, "\\.,\\N,3", {"\\.", "\\N", "3"}), row(4, 17, "4,5,6", {"4", "5", "6"})},
              {bad(3, 14, "field_count", -1, "\\.", 1)}));
}

TEST(CsvTorture, Encoding) {
  expect("foo,bar,baz\n1,\xF0\x9F\x98\x8E,3",
         rows(foo, {row(2, 12, "1,\xF0\x9F\x98\x8E,3", {"1", "\xF0\x9F\x98\x8E", "3"})}));
  const Row places = row(1, 0, "Contact Phone Number,Location Coordinates,Cities,Counties",
                         {"Contact Phone Number", "Location Coordinates", "Cities", "Counties"});
  const std::string there =
      "2095257564,37\xEF\xBF\xBD"
      "36'37.8\"N 121\xEF\xBF\xBD"
      "2'17.9\"W,Modesto,Stanislaus";
  const std::string head = "Contact Phone Number,Location Coordinates,Cities,Counties\n";
  expect(head + there, rows(places, {}, {bad(2, 58, "quote_in_field", 1, there)}));
  expect(head + there,
         rows(places, {row(2, 58, there,
                           {"2095257564",
                            "37\xEF\xBF\xBD"
                            "36'37.8\"N 121\xEF\xBF\xBD"
                            "2'17.9\"W",
                            "Modesto", "Stanislaus"})}),
         lenient());
  // A record ends where it ends, whatever its bytes.
  expect(
      "a,b,c\n1,M\xFCnchen,\xFC\n1,2,\xC3\n\xED\xA0\x80,,\n\xE2\x82,x,y\nok,\xC3\xBC,\n",
      rows(abc, {row(6, 37, "ok,\xC3\xBC,", {"ok", "\xC3\xBC", nullptr})},
           {bad(2, 6, "invalid_encoding", 1, "1,M\xFCnchen,\xFC"), bad(3, 18, "invalid_encoding", 2, "1,2,\xC3"),
            bad(4, 24, "invalid_encoding", 0, "\xED\xA0\x80,,"), bad(5, 30, "invalid_encoding", 0, "\xE2\x82,x,y")}));
  expect("a,b\nx,\xC3y\xBC\nx,\xC3" + std::string(100, 'y') + "\xBC,\n",
         rows(row(1, 0, "a,b", {"a", "b"}), {},
              {bad(2, 4, "invalid_encoding", 1, "x,\xC3y\xBC"),
               bad(3, 10, "invalid_encoding", 1, "x,\xC3" + std::string(100, 'y') + "\xBC,")}));
  Options bytes;
  bytes.dialect.validate_utf8 = false;
  expect("a,b,c\n1,M\xFCnchen,\xFC\n", rows(abc, {row(2, 6, "1,M\xFCnchen,\xFC", {"1", "M\xFCnchen", "\xFC"})}), bytes);
}

// The scanner looks ahead in windows of 16 kB: a character that one of them cuts, whole or broken, with nothing but
// ASCII behind it.
TEST(CsvTorture, CharactersAtTheEdgeOfAWindow) {
  const std::string line = "0123456789,abc\n";
  for (std::size_t at = 16384 - 6; at < 16384 + 6; at++) {
    for (const char* character : {"\xC3", "\xC3\xBC", "\xE6\x97", "\xE6\x97\xA5", "\xF0\x9F\x98\x8E"}) {
      std::string file = "a,b\n";
      const std::size_t start = file.size();
      while (file.size() - start + 2 * line.size() < at) file += line;
      const std::size_t begin = file.size();
      std::string broken(at - (begin - start), 'x');
      broken += character;
      broken += "y,z";
      file += broken + "\n";
      const std::uint64_t line_number = static_cast<std::uint64_t>(std::count(file.begin(), file.end(), '\n'));
      for (int k = 0; k < 3000; k++) file += line;
      for (const simd::Kernels* kernels : simd::available()) {
        ASSERT_TRUE(simd::select(kernels->name));
        const Outcome got = scan(file, {});
        const bool valid = character[0] == '\xC3' ? character[1] != 0 : character[0] == '\xF0' || character[2] != 0;
        ASSERT_EQ(got.bad.size(), valid ? 0u : 1u) << at << " " << show(character) << " " << kernels->name;
        if (valid) continue;
        ASSERT_EQ(got.bad[0], bad(line_number, begin, "invalid_encoding", 0, broken));
      }
    }
  }
  simd::select("auto");
}

TEST(CsvTorture, MoreMarksInOneValueThanAreKept) {
  std::string value;
  for (int k = 0; k < 100000; k++) value += k % 3 == 0 ? "," : "\n";
  const std::string file = "a,b\n1,2\n1,\"" + value + "\"\n3,4\n";
  for (const simd::Kernels* kernels : simd::available()) {
    ASSERT_TRUE(simd::select(kernels->name));
    const Outcome got = scan(file, {});
    ASSERT_EQ(got.rows.size(), 3u);
    EXPECT_TRUE(got.rows[1].values == (std::vector<Value>{"1", value}));
    EXPECT_EQ(got.rows[2].line, 4u + static_cast<std::uint64_t>(std::count(value.begin(), value.end(), '\n')));
  }
  simd::select("auto");
}

TEST(CsvTorture, ByteOrderMark) {
  expect(
      "\xEF\xBB\xBF\"a\",b,c\n\xEF\xBB\xBF"
      "1,2,3\n",
      rows(row(1, 3, "\"a\",b,c", {"a", "b", "c"}), {row(2, 11,
                                                         "\xEF\xBB\xBF"
                                                         "1,2,3",
                                                         {"\xEF\xBB\xBF"
                                                          "1",
                                                          "2", "3"})}));
  expect("\xEF\xBB\xBF", {});
  expect("\xEF\xBB\xBFx", rows(row(1, 3, "x", {"x"}), {}));
  Outcome truncated;
  truncated.bad = {bad(1, 0, "invalid_encoding", 0, "\xEF\xBB")};
  expect("\xEF\xBB", truncated);
}

TEST(CsvTorture, NulBytes) {
  // A stray NUL is a matter of its record.
  expect("a,b,c\n1,\0,3\n4,5,6\n"s,
         rows(abc, {row(3, 12, "4,5,6", {"4", "5", "6"})}, {bad(2, 6, "nul_byte", 1, "1,\0,3"s)}));
  Outcome header;
  header.bad = {bad(1, 0, "nul_byte", 0, "a\0b,c"s)};
  expect("a\0b,c\n1,2\n"s, header);
}

TEST(CsvTorture, TheFirstFaultIsTheReason) {
  expect("a,b,c\n1\"\xFF,\0\n"s, rows(abc, {}, {bad(2, 6, "quote_in_field", 0, "1\"\xFF,\0"s)}));
  expect("a,b,c\n1,\xFF,2\"\n", rows(abc, {}, {bad(2, 6, "invalid_encoding", 1, "1,\xFF,2\"")}));
  expect("a,b,c\n1,2,\"\"3,4\n", rows(abc, {}, {bad(2, 6, "text_after_quote", 2, "1,2,\"\"3,4")}));
  expect("a,b,c\n\xC3\"x,2,3\n", rows(abc, {}, {bad(2, 6, "invalid_encoding", 0, "\xC3\"x,2,3")}));
  expect("a,b,c\n\"x\"\ry,2,3\n", rows(abc, {}, {bad(2, 6, "bare_cr", 0, "\"x\"\ry,2,3")}));
}

TEST(CsvTorture, EscapeOtherThanQuote) {
  Options options;
  options.dialect.quote = '\'';
  options.dialect.escape = '\\';
  options.dialect.delimiter = ';';
  const Row header = row(1, 0, "a;b;c", {"a", "b", "c"});
  expect("a;b;c\n'\\'';'\\\\';'\\n\\;'\n\\;\\;\\\n'x''y;z;1\n",
         rows(header,
              {row(2, 6, "'\\'';'\\\\';'\\n\\;'", {"'", "\\", "\\n\\;"}), row(3, 23, "\\;\\;\\", {"\\", "\\", "\\"})},
              {bad(4, 29, "text_after_quote", 0, "'x''y;z;1")}),
         options);
  options.dialect.lenient = true;
  expect("a;b;c\n'x''y';z;1\n'it's \\'''; 'a\\\\;'b'\n",
         rows(header, {row(2, 6, "'x''y';z;1", {"x''y", "z", "1"}),
                       row(3, 17, "'it's \\'''; 'a\\\\;'b'", {"it's ''", " 'a\\\\", "b"})}),
         options);
}

// Under a lenient dialect values are what a person reads: a quote closes before a delimiter or a line end only, and
// none of two is lost.
TEST(CsvTorture, LenientQuotes) {
  Options options = lenient();
  options.header = false;
  options.columns = 4;
  options.dialect.delimiter = ';';
  const std::string yogurt = R"("120903";"A";"yogurt "Alma" 3.5%";7)", nails = R"("120904";"B";"nails 4" long";8)",
                    say = R"("120906";"D";"say ""hi"" twice";3)";
  Outcome expected;
  expected.rows = {row(1, 0, yogurt, {"120903", "A", R"(yogurt "Alma" 3.5%)", "7"}),
                   row(2, 36, nails, {"120904", "B", R"(nails 4" long)", "8"}),
                   row(3, 67, say, {"120906", "D", R"(say "hi" twice)", "3"})};
  expect(yogurt + "\n" + nails + "\n" + say, expected, options);

  const Row ab = row(1, 0, "a,b", {"a", "b"});
  const auto reads = [&](const std::string& record, const char* first, const char* second) {
    for (const char* end : {"\n", "\r\n", "\r"}) {
      const std::string e = end;
      const std::uint64_t begin = 3 + e.size(), next = begin + record.size() + e.size();
      expect("a,b" + e + record, rows(ab, {row(2, begin, record, {first, second})}), lenient());
      expect("a,b" + e + record + e + "3,4" + e,
             rows(ab, {row(2, begin, record, {first, second}), row(3, next, "3,4", {"3", "4"})}), lenient());
    }
  };
  reads(R"(1,""u")", "1", R"("u)");
  reads(R"(1,"""u")", "1", R"("u)");
  reads(R"(1,"x"y")", "1", R"(x"y)");
  reads(R"("a" b",x"y")", R"(a" b)", R"(x"y")");
  // Where quotes are not doubled the last two are not, either
  reads(R"(1,""hi"")", "1", R"("hi")");
  reads(R"("say "hi"","say "hi"")", R"(say "hi")", R"(say "hi")");
  reads(R"("say "hi""","say "hi"""")", R"(say "hi")", R"(say "hi"")");
  reads(R"("6" and ""7"" long",)", R"(6" and "7" long)", nullptr);
  reads(R"("","")", "", "");
  reads(R"("""","a""b")", R"(")", R"(a"b)");
  // In a file whose lines end with LF a CR ends nothing
  expect("a,b\n\"x\"\ry\",2\n\"x\"\"\r\",2\n\"x\"\r,2\",3\n",
         rows(ab, {row(2, 4, "\"x\"\ry\",2", {"x\"\ry", "2"}), row(3, 13, "\"x\"\"\r\",2", {"x\"\r", "2"}),
                   row(4, 22, "\"x\"\r,2\",3", {"x\"\r,2", "3"})}),
         lenient());
  // What has the wrong width is a reject
  const std::string shifted = R"(1,"5,"x, y",z)";
  expect("a,b,c,d\n" + shifted + "\n1,2,3,4\n",
         rows(row(1, 0, "a,b,c,d", {"a", "b", "c", "d"}), {row(3, 22, "1,2,3,4", {"1", "2", "3", "4"})},
              {bad(2, 8, "field_count", -1, shifted, 3)}),
         lenient());
  // Over lines
  expect(
      "a,b,c\n1,\"a \"b\" c\nd\",2\n3,4,5\n",
      rows(abc, {row(2, 6, "1,\"a \"b\" c\nd\",2", {"1", "a \"b\" c\nd", "2"}), row(4, 22, "3,4,5", {"3", "4", "5"})}),
      lenient());
}

// A record with a quote out of place swallows no line that stands whole, before the quote or after it.
TEST(CsvTorture, WholeLinesAreNotSwallowed) {
  const Row ab = row(1, 0, "a,b", {"a", "b"});
  for (const bool is_lenient : {false, true}) {
    Options options;
    options.dialect.lenient = is_lenient;
    for (const char* end : {"\n", "\r\n", "\r"}) {
      const std::string e = end;
      const std::uint64_t w = e.size();
      expect("a,b" + e + "1,\"" + e + "2,\"x\"" + e,
             rows(ab, {row(3, 6 + 2 * w, "2,\"x\"", {"2", "x"})}, {bad(2, 3 + w, "unterminated_quote", 1, "1,\"")}),
             options);
      // A quote too many at the end; two lines that are whole before the next quote; a line that is not
      expect("a,b" + e + "1,\"text\"\"" + e + "2,3" + e + "4,5" + e + "\"6\",\"7\"" + e + "8,9",
             rows(ab,
                  {row(3, 12 + 2 * w, "2,3", {"2", "3"}), row(4, 15 + 3 * w, "4,5", {"4", "5"}),
                   row(5, 18 + 4 * w, "\"6\",\"7\"", {"6", "7"}), row(6, 25 + 5 * w, "8,9", {"8", "9"})},
                  {bad(2, 3 + w, "unterminated_quote", 1, "1,\"text\"\"")}),
             options);
      expect("a,b" + e + "1,\"text" + e + "x" + e + "2,\"y\"" + e,
             rows(ab, {row(4, 11 + 3 * w, "2,\"y\"", {"2", "y"})},
                  {bad(2, 3 + w, "unterminated_quote", 1, "1,\"text" + e + "x")}),
             options);
    }
    // Not even the lines of a well-formed value are
    expect("a,b\n1,\"x\n2,3\ny\"\n", rows(ab, {row(2, 4, "1,\"x\n2,3\ny\"", {"1", "x\n2,3\ny"})}), options);
    // Before it is known how lines end
    options.header = false;
    options.columns = 2;
    Outcome expected;
    expected.rows = {row(2, 4, "2,\"x\"", {"2", "x"}), row(3, 10, "3,4", {"3", "4"})};
    expected.bad = {bad(1, 0, "unterminated_quote", 1, "1,\"")};
    expect("1,\"\n2,\"x\"\n3,4\n", expected, options);
  }
  // The quote out of place comes first, then the one that opens
  expect("a,b\n\"p\"q,\"\n2,3\n",
         rows(ab, {row(3, 11, "2,3", {"2", "3"})}, {bad(2, 4, "text_after_quote", 0, "\"p\"q,\"")}));
  expect("a,b\nx\"y,\"r\n2,3\n",
         rows(ab, {row(3, 11, "2,3", {"2", "3"})}, {bad(2, 4, "quote_in_field", 0, "x\"y,\"r")}));
  // Within one column every line that is not empty is whole
  expect("a\n\"x\n\ny\nz\"w\n",
         rows(row(1, 0, "a", {"a"}), {row(4, 6, "y", {"y"})},
              {bad(2, 2, "unterminated_quote", 0, "\"x\n"), bad(5, 8, "quote_in_field", 0, "z\"w")}));
  // A line's other faults are its own
  expect("a,b\n1,\"\n2,\"\xFF\"\n3,4\n",
         rows(ab, {row(4, 14, "3,4", {"3", "4"})},
              {bad(2, 4, "unterminated_quote", 1, "1,\""), bad(3, 8, "invalid_encoding", 1, "2,\"\xFF\"")}));
  // Another width alone says nothing of quotes, but where they are known to be unreliable
  const std::string wide = "1,\"x\n2,3\ny\",z,w";
  expect("a,b\n" + wide + "\n", rows(ab, {}, {bad(2, 4, "field_count", -1, wide, 4)}));
  expect("a,b\n" + wide + "\n",
         rows(ab, {row(3, 9, "2,3", {"2", "3"})},
              {bad(2, 4, "unterminated_quote", 1, "1,\"x"), bad(4, 13, "field_count", -1, "y\",z,w", 3)}),
         lenient());
  // If lenient, a line whose quotes are data is whole
  expect("a,b\n1,\"\n2,5\" wide\n3,4\n",
         rows(ab, {row(3, 8, "2,5\" wide", {"2", "5\" wide"}), row(4, 18, "3,4", {"3", "4"})},
              {bad(2, 4, "unterminated_quote", 1, "1,\"")}),
         lenient());
}

TEST(CsvTorture, QuotesOutOfPlaceAtTheEnd) {
  const Row ab = row(1, 0, "a,b", {"a", "b"});
  Outcome open = rows(ab, {});
  open.error = Reason::unclosed_quote;
  open.error_line = 2;
  open.error_offset = 4;
  expect("a,b\n1,\"\n2,3\n", open);
  expect("a,b\n1,\"\n2,3\n", open, lenient());
  expect("a,b\n1\"x,\"y\nz", open);
  expect("a,b\n\"x\" y,3\n", rows(ab, {}, {bad(2, 4, "text_after_quote", 0, "\"x\" y,3")}));
  expect("a,b\n\"x\" y,\"3\n", rows(ab, {}, {bad(2, 4, "unterminated_quote", 0, "\"x\" y,\"3")}), lenient());
  expect("a,b\n\"x\" y,\"3", rows(ab, {}, {bad(2, 4, "unterminated_quote", 0, "\"x\" y,\"3")}), lenient());
  expect("a,b\n\"x\" y,\"3\n4,5",
         rows(ab, {row(3, 13, "4,5", {"4", "5"})}, {bad(2, 4, "unterminated_quote", 0, "\"x\" y,\"3")}), lenient());
}

// Text after a closing quote: where no quote of the line closes the field, the field stands as it is.
TEST(CsvTorture, BareFields) {
  const Row ab = row(1, 0, "a,b", {"a", "b"});
  const std::string quoted = "\"7\",\"8\"";
  // Alone, before a line without quotes, and before one that would close the value
  const auto reads = [&](const std::string& record, const char* first, const char* second) {
    for (const char* end : {"\n", "\r\n", "\r"}) {
      const std::string e = end;
      const std::uint64_t begin = 3 + e.size(), next = begin + record.size() + e.size(), last = next + 3 + e.size();
      const Row good = row(2, begin, record, {first, second});
      expect("a,b" + e + record, rows(ab, {good}), lenient());
      if (e != "\r") expect("a,b" + e + record + e, rows(ab, {good}), lenient());
      expect("a,b" + e + record + e + "3,4" + e + record + e + quoted + e,
             rows(ab, {good, row(3, next, "3,4", {"3", "4"}), row(4, last, record, {first, second}),
                       row(5, last + record.size() + e.size(), quoted, {"7", "8"})}),
             lenient());
    }
  };
  reads(R"("Best" wine,2)", R"("Best" wine)", "2");
  reads(R"(2,"x"y)", "2", R"("x"y)");
  reads(R"(2,"x" )", "2", R"("x" )");
  reads(R"("Best" wine,"Old" ale)", R"("Best" wine)", R"("Old" ale)");
  reads(R"("Best" wine,)", R"("Best" wine)", nullptr);
  reads(R"("Best" 5" wine,5" ale)", R"("Best" 5" wine)", R"(5" ale)");
  reads(R"("say ""hi"" or" so,2)", R"("say ""hi"" or" so)", "2");
  reads(R"("say ""hi"", or so","x"y)", R"(say "hi", or so)", R"("x"y)");
  reads(R"("nails 4" long","x"y)", R"(nails 4" long)", R"("x"y)");
  const auto rejected = [&](const std::string& record, std::int32_t column) {
    expect("a,b\n" + record, rows(ab, {}, {bad(2, 4, "unterminated_quote", column, record)}), lenient());
    expect("a,b\n" + record + "\n3,4\n",
           rows(ab, {row(3, 5 + record.size(), "3,4", {"3", "4"})}, {bad(2, 4, "unterminated_quote", column, record)}),
           lenient());
  };
  // Another width, with the field and without; a field that has no other quote, or only after the delimiter
  rejected(R"("x"y)", 0);
  rejected(R"("x"y,2,3)", 0);
  rejected(R"("x, y" z,3)", 0);
  rejected(R"("x" y,"z)", 0);
  // The last quote closes the first field
  const std::string closed = R"("x" y,"z"")";
  expect("a,b\n" + closed + "\n3,4\n",
         rows(ab, {row(3, 15, "3,4", {"3", "4"})}, {bad(2, 4, "field_count", -1, closed, 1)}), lenient());
  // One without a quote whose text may be a value's beginning
  expect(
      "a,b\n1,\"x\"\"\n3,4\n",
      [&] {
        Outcome open = rows(ab, {});
        open.error = Reason::unclosed_quote;
        open.error_line = 2;
        open.error_offset = 4;
        return open;
      }(),
      lenient());
  // Lines one after the other that are all so; but such a line ends no record that another one began
  expect("a,b\n\"p\"q,1\n2,\"r\"s\n\"t\"u,3\n4,5\n",
         rows(ab, {row(2, 4, "\"p\"q,1", {"\"p\"q", "1"}), row(3, 11, "2,\"r\"s", {"2", "\"r\"s"}),
                   row(4, 18, "\"t\"u,3", {"\"t\"u", "3"}), row(5, 25, "4,5", {"4", "5"})}),
         lenient());
  expect("a,b\n\"p\"q,1\n2,\"r\"s",
         rows(ab, {row(2, 4, "\"p\"q,1", {"\"p\"q", "1"}), row(3, 11, "2,\"r\"s", {"2", "\"r\"s"})}), lenient());
  const std::string talk = "1,\"He said\n\"Hello\" to me, twice\nand left\"";
  expect("a,b\n" + talk + "\n", rows(ab, {row(2, 4, talk, {"1", "He said\n\"Hello\" to me, twice\nand left"})}),
         lenient());
  expect("a,b\n1,\"\n\"p\"q,2\n3,4\n",
         rows(ab, {row(4, 15, "3,4", {"3", "4"})}, {bad(2, 4, "unterminated_quote", 1, "1,\"\n\"p\"q,2")}), lenient());
  // Its other faults stay
  expect("a,b\n\"p\"q,\xFF\n3,4\n",
         rows(ab, {row(3, 11, "3,4", {"3", "4"})}, {bad(2, 4, "invalid_encoding", 0, "\"p\"q,\xFF")}), lenient());
  expect("a,b\n\"p\"q,\rx\n3,4\n",
         rows(ab, {row(3, 12, "3,4", {"3", "4"})}, {bad(2, 4, "unterminated_quote", 0, "\"p\"q,\rx")}), lenient());
  expect("a,b\n2,\"\rp\"x\n3,4\n",
         rows(ab, {row(3, 12, "3,4", {"3", "4"})}, {bad(2, 4, "unterminated_quote", 1, "2,\"\rp\"x")}), lenient());
  expect("a,b\n2,\"p\"\rx\n3,4\n",
         rows(ab, {row(3, 12, "3,4", {"3", "4"})}, {bad(2, 4, "unterminated_quote", 1, "2,\"p\"\rx")}), lenient());
  Options small = lenient();
  small.limits.field_bytes = 5;
  expect("a,b\n2,\"p\"qr", rows(ab, {row(2, 4, "2,\"p\"qr", {"2", "\"p\"qr"})}), small);
  expect("a,b\n2,\"p\"qrst", rows(ab, {}, {bad(2, 4, "field_too_long", 1, "2,\"p\"qrst")}), small);
  // With an escape
  Options escaped = lenient();
  escaped.dialect.escape = '\\';
  expect("a,b\n\"p\\\"q\" r,2\n3,4\n",
         rows(ab, {row(2, 4, "\"p\\\"q\" r,2", {"\"p\\\"q\" r", "2"}), row(3, 15, "3,4", {"3", "4"})}), escaped);
  // Strictly nothing is bare
  expect("a,b\n\"p\"q,1\n3,4\n",
         rows(ab, {row(3, 11, "3,4", {"3", "4"})}, {bad(2, 4, "text_after_quote", 0, "\"p\"q,1")}));
}

// A record of several lines the first of which alone is a record with bare fields: nobody knows which of the two it is,
// so it is a reject, all of it.
TEST(CsvTorture, BareFieldsAtTheBeginning) {
  const Row abc = row(1, 0, "a,b,c", {"a", "b", "c"});
  for (const char* end : {"\n", "\r\n", "\r"}) {
    const std::string e = end;
    const std::uint64_t w = e.size(), begin = 5 + w;
    const auto merged = [&](const std::string& record, std::int32_t column, std::uint64_t lines) {
      const Bad reject = bad(2, begin, "unterminated_quote", column, record);
      expect("a,b,c" + e + record, rows(abc, {}, {reject}), lenient());
      expect("a,b,c" + e + record + e + "3,p,q" + e,
             rows(abc, {row(2 + lines, begin + record.size() + w, "3,p,q", {"3", "p", "q"})}, {reject}), lenient());
    };
    const auto good = [&](const std::string& record, const std::vector<Value>& values) {
      expect("a,b,c" + e + record, rows(abc, {Row{2, begin, record, values}}), lenient());
    };
    merged("1,\"x\"y,2" + e + "2,\"multi" + e + "line\",z", 1, 3);
    merged("1,\"x\"y,2" + e + "2\",", 1, 2);
    merged("\"x\"y,\"v\"w,2" + e + "\",3,4", 0, 2);
    merged("1,2,\"x\"y" + e + "\"", 2, 2);
    merged("1,\"a, b\",\"say \"hi\" twice" + e + e + "and go\"", 2, 3);
    // The first line has a field too few, or too many; or no field of it is bare
    good("\"nails 4\" long" + e + "and,\"more\",2,3", {"nails 4\" long" + e + "and,\"more", "2", "3"});
    good("1,\"a \"b\" c" + e + "d\",2", {"1", "a \"b\" c" + e + "d", "2"});
    good("1,\"x\"y,2,3" + e + "2\",z", {"1", "x\"y,2,3" + e + "2", "z"});
    good("1,2,\"He said" + e + "\"Hello\" to me, twice" + e + "and left\"",
         {"1", "2", "He said" + e + "\"Hello\" to me, twice" + e + "and left"});
    good("1,2,\"x, \"y" + e + "z\"", {"1", "2", "x, \"y" + e + "z"});
  }
  // A line that stands whole ends it, and then the first is a record; so does a second one with bare fields
  expect("a,b,c\n1,\"x\"y,2\n3,p,q\nr\",s\n",
         rows(abc, {row(2, 6, "1,\"x\"y,2", {"1", "\"x\"y", "2"}), row(3, 15, "3,p,q", {"3", "p", "q"})},
              {bad(4, 21, "field_count", -1, "r\",s", 2)}),
         lenient());
  expect("a,b,c\n1,\"x\"y,2\n2,\"u\"v,3\n\",t\n",
         rows(abc, {row(2, 6, "1,\"x\"y,2", {"1", "\"x\"y", "2"})},
              {bad(3, 15, "unterminated_quote", 1, "2,\"u\"v,3\n\",t")}),
         lenient());
  // Another fault is its own, and so is another width
  expect("a,b,c\n1,\"x\"y,2\n\",\xFF\n", rows(abc, {}, {bad(2, 6, "invalid_encoding", 2, "1,\"x\"y,2\n\",\xFF")}),
         lenient());
  expect("a,b,c\n1,\"x\"y,2\n\",3,4\n", rows(abc, {}, {bad(2, 6, "field_count", -1, "1,\"x\"y,2\n\",3,4", 4)}),
         lenient());
}

// A file all of whose lines are so takes no longer than another, and no more memory.
TEST(CsvTorture, ManyBareFields) {
  constexpr std::size_t lines = 200'000;
  std::string file = "a,b\n";
  for (std::size_t i = 0; i < lines; i++) file += "\"Best\" wine,2\n";
  for (const Feeding& feeding : {Feeding{}, Feeding{{65536}}}) {
    const Outcome outcome = scan(file, lenient(), feeding);
    EXPECT_EQ(outcome.bad.size(), 0u);
    ASSERT_EQ(outcome.rows.size(), lines);
    EXPECT_EQ(show({{}, {outcome.rows.back()}, {}, {}, 0, 0}),
              show({{}, {row(lines + 1, file.size() - 14, "\"Best\" wine,2", {"\"Best\" wine", "2"})}, {}, {}, 0, 0}));
  }
}

TEST(CsvTorture, HeaderWithQuotesOutOfPlace) {
  Outcome header;
  header.bad = {bad(1, 0, "text_after_quote", 0, "\"a\"b,\"c")};
  expect("\"a\"b,\"c\nd\"\n1,2\n", header);
  header.bad = {bad(1, 0, "unterminated_quote", 0, "\"a\"b,c")};
  expect("\"a\"b,c\n1,2\n", header, lenient());
  expect("\"a\"b\",c\n1,2\n", rows(row(1, 0, "\"a\"b\",c", {"a\"b", "c"}), {row(2, 8, "1,2", {"1", "2"})}), lenient());
}

TEST(CsvTorture, QuotesOutOfPlaceInALongRecord) {
  Options options;
  options.limits.record_bytes = 20;
  const Row ab = row(1, 0, "a,b", {"a", "b"});
  const std::string begun = "x\"y,\"aaaa\nbbbb\ncccc\ndddd";
  expect("a,b\n" + begun + "\neeee\n1,2\n",
         rows(ab, {row(7, 34, "1,2", {"1", "2"})},
              {bad(2, 4, "quote_in_field", 0, begun), bad(6, 29, "field_count", -1, "eeee", 1)}),
         options);
  // Too long before the quote is seen: nothing of it is looked at again
  const std::string swallowing = "1,\"\n2,3\n4,5\n6,7\n8,9\n0,\"x";
  expect("a,b\n" + swallowing + "\n1,2\n",
         rows(ab, {row(8, 29, "1,2", {"1", "2"})}, {bad(2, 4, "record_too_long", -1, swallowing)}), options);
}

// What has too many fields already is looked through at each line end: were it read to its end each time, this would
// take hours.
TEST(CsvTorture, TooManyFieldsOverLines) {
  const Row ab = row(1, 0, "a,b", {"a", "b"});
  expect("a,b\nx\",\"\n,\nx\",\"\n,\n\"\n",
         rows(ab, {row(3, 9, ",", {nullptr, nullptr}), row(4, 11, "x\",\"\n,\n\"", {"x\"", "\n,\n"})},
              {bad(2, 4, "unterminated_quote", 1, "x\",\"")}),
         lenient());
  constexpr std::size_t pairs = 150'000;
  std::string file = "a,b\n";
  for (std::size_t i = 0; i < pairs; i++) file += "x\",\"\n,\n";
  const Outcome outcome = scan(file + "\"\n", lenient());
  EXPECT_EQ(outcome.rows.size(), pairs);
  EXPECT_EQ(outcome.bad.size(), pairs - 1);
}

TEST(CsvTorture, NoQuotes) {
  Options options;
  options.dialect.quote = 0;
  options.dialect.delimiter = '\t';
  expect("a\tb\n\"x\t\"\"\n", rows(row(1, 0, "a\tb", {"a", "b"}), {row(2, 4, "\"x\t\"\"", {"\"x", "\"\""})}), options);
}

TEST(CsvTorture, WithoutHeader) {
  Options options;
  options.header = false;
  options.columns = 2;
  Outcome expected;
  expected.rows = {row(1, 0, "1,2", {"1", "2"}), row(3, 6, "3,", {"3", nullptr})};
  expected.bad = {bad(4, 10, "field_count", -1, "x", 1)};
  expect("1,2\r\n\n3,\r\nx\r\n", expected, options);
}

}  // namespace
}  // namespace dap::csv::test
