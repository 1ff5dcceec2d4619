#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "engine/csv/file_kind.h"

namespace dap::csv {
namespace {

using namespace std::string_literals;

std::string kind_of(const std::string& bytes) {
  const char* code = reason_code(file_kind(bytes.data(), bytes.size()));
  return code == nullptr ? "" : code;
}

std::string local_header(const std::string& name, const std::string& content) {
  std::string header = "PK\3\4\x14\0\0\0\0\0\0\0\x21\0"s + std::string(12, '\1');
  header += static_cast<char>(name.size());
  return header + "\0\0\0"s + name + content;
}

// Characters of ASCII and of one more script as UTF-16 or UTF-32.
std::string wide(const std::u32string& text, int bytes, bool big_endian) {
  std::string result;
  const auto put = [&](std::uint32_t unit) {
    for (int k = 0; k < bytes; k++) result += static_cast<char>(unit >> 8 * (big_endian ? bytes - 1 - k : k));
  };
  for (const char32_t c : text) {
    if (bytes == 2 && c >= 0x10000) {
      put(0xd800 + ((c - 0x10000) >> 10));
      put(0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
      put(c);
    }
  }
  return result;
}

TEST(CsvFileKind, Archives) {
  EXPECT_EQ(kind_of(local_header("sales.csv", "id,amount\n1,2\n")), "zip");
  EXPECT_EQ(kind_of("PK\5\6"s + std::string(18, '\0')), "zip");
  EXPECT_EQ(kind_of("PK\7\x08PK\3\4"s), "zip");
  for (const char* member : {"[Content_Types].xml", "_rels/.rels", "docProps/app.xml", "xl/workbook.xml"})
    EXPECT_EQ(kind_of(local_header(member, "")), "xlsx") << member;
  EXPECT_EQ(kind_of(local_header("mimetype", "application/vnd.oasis.opendocument.spreadsheet")), "xlsx");
  EXPECT_EQ(kind_of(local_header("mimetype", "application/epub+zip")), "zip");
  EXPECT_EQ(kind_of(local_header("xls.csv", "")), "zip");
  EXPECT_EQ(kind_of("PK\3\4"s), "zip");
  EXPECT_EQ(kind_of("BZh91AY&SY\xab\xc9\x7b\x78"s), "bzip2");
  EXPECT_EQ(kind_of("BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0"s), "bzip2");
  EXPECT_EQ(kind_of("\xfd"
                    "7zXZ\0\0\4"s),
            "xz");
  EXPECT_EQ(kind_of("7z\xbc\xaf\x27\x1c\0\4"s), "7z");
  EXPECT_EQ(kind_of("\x1f\x8b\x08\0"s), "gzip");
  EXPECT_EQ(kind_of("\x28\xb5\x2f\xfd\x04"s), "zstd");
}

TEST(CsvFileKind, Documents) {
  EXPECT_EQ(kind_of("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0"s), "xls");
  EXPECT_EQ(kind_of("SQLite format 3\0\x10\0"s), "sqlite");
  EXPECT_EQ(kind_of("PAR1\x15\4\x15\x1c\x15"s), "parquet");
  EXPECT_EQ(kind_of("PAR1\x15\0\x15"s), "parquet");
  EXPECT_EQ(kind_of("ORC\x08\x03\x10"s), "orc");
  EXPECT_EQ(kind_of("ORC\n\6\x12\4\b\1P\0"s), "orc");
  EXPECT_EQ(kind_of("Obj\1\4\x14"
                    "avro.codec\x08null\x16"
                    "avro.schema"s),
            "avro");
  EXPECT_EQ(kind_of("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"s), "pdf");
  EXPECT_EQ(kind_of("%PDF-1.4\r1 0 obj <</Type /Catalog>>"s), "pdf");
}

TEST(CsvFileKind, Pages) {
  for (const char* page :
       {"<!DOCTYPE html>\n<html><head>", "<!doctype HTML ><body>",
        "\xEF\xBB\xBF\r\n <!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\n \"x\">\n<HTML>", "<html>\n<head>",
        "<HTML lang=\"de\"><BODY>", "  <html>\n\n<!-- saved -->", "<!DOCTYPE html><!-- x -->"})
    EXPECT_EQ(kind_of(page), "html") << page;
}

TEST(CsvFileKind, WideCharacters) {
  EXPECT_EQ(kind_of("\xFF\xFE"s), "utf16");
  EXPECT_EQ(kind_of("\xFE\xFF\4\4\0\n"s), "utf16");
  EXPECT_EQ(kind_of("\xFF\xFE\0\0"s), "utf32");
  EXPECT_EQ(kind_of("\0\0\xFE\xFF\0\0\0a"s), "utf32");
  EXPECT_EQ(kind_of("a\0,\0\0"s), "utf16");
  EXPECT_EQ(kind_of("\0a\0,"s), "utf16");
  EXPECT_EQ(kind_of("a\0\0\0"s), "utf32");
  EXPECT_EQ(kind_of("\0\0\0a\0\0\0,"s), "utf32");
  for (const std::u32string& text :
       {std::u32string(U"źródło,kwota\r\n1,5.00\r\n"), std::u32string(U"編號,金額\r\n1,2\r\n"),
        std::u32string(U"имя;сумма\nа;1\n"), std::u32string(U"DĀTE\tĀĀ\n1\t2\n"),
        std::u32string(U"🙂,b\r\n1,𝒳\r\n"), std::u32string(U"id\n1\n2\n")}) {
    for (const bool big_endian : {false, true}) {
      EXPECT_EQ(kind_of(wide(text, 2, big_endian)), "utf16") << big_endian << ' ' << text.size();
      EXPECT_EQ(kind_of(wide(text, 4, big_endian)), "utf32") << big_endian << ' ' << text.size();
      std::u32string repeated;
      while (repeated.size() < 3000) repeated += text;
      EXPECT_EQ(kind_of(wide(repeated, 2, big_endian)), "utf16");
      EXPECT_EQ(kind_of(wide(repeated, 4, big_endian)), "utf32");
    }
  }
}

// Texts that only begin like something else, and NULs that are a matter of their record.
TEST(CsvFileKind, Texts) {
  for (const std::string& text : {""s,
                                  "id,name\n"s,
                                  "PK\n1\n"s,
                                  "PK,name\n"s,
                                  "PK34,x"s,
                                  "BZh9,1AY\n"s,
                                  "BZh91AY,b\n"s,
                                  "7z,xz\n"s,
                                  "7zXZ"s,
                                  "%PDF-1.4,size\n1,2\n"s,
                                  "%PDF-1.4\n"s,
                                  "%PDF-1.4\nx,%,y\n"s,
                                  "%PDF,a\n"s,
                                  "<html>,b\n"s,
                                  "<html>;b\n<p>;1\n"s,
                                  "<html>\n1\n"s,
                                  "<html_text>,b\n<p>,1\n"s,
                                  "<htmlx><b>"s,
                                  "<html"s,
                                  "<html "s,
                                  "<!DOCTYPE html>,b\n"s,
                                  "<!DOCTYPE"s,
                                  "<!DOCTYPE htmls><b>"s,
                                  "<!DOCTYPEhtml><b>"s,
                                  "<html>\tname\n<p>\tx\n"s,
                                  "<html>\t<p>\n"s,
                                  "<html> <p>\n"s,
                                  "\"<html><body>\",b\n"s,
                                  "name\n<html><head>\n"s,
                                  "<a>,<html>\n"s,
                                  "PAR1,PAR2\n"s,
                                  "PAR1\t\n"s,
                                  "ORC,weight\n1,2\n"s,
                                  "ORCHESTRA;x\r\n"s,
                                  "ORC\t\t\n"s,
                                  "Obj,avro.schema\n"s,
                                  "Obj\1,x\n"s,
                                  "SQLite format 3,x\n"s,
                                  "[{\"id\": 1}]\n"s,
                                  "{\"id\": 1}\n"s,
                                  "<?xml version=\"1.0\"?>\n"s,
                                  "\xEF\xBB\xBF"
                                  "id,name\n"s,
                                  "caf\xe9,b\n"s,
                                  "\xff,b\n"s,
                                  "\x81\x40,\x83\x5c\n"s,
                                  "a\0b,c\n1,2\n"s,
                                  "a,b\n1\0,\0\n"s,
                                  "a\n1\0\n"s,
                                  "\0\0\0\0"s,
                                  "a\0\0,b\0\0\n"s,
                                  "a,b\n\0\0,\0\0\n"s,
                                  "ab\0\0"s,
                                  "id,x\n1,\0\x01\0\x02\0\n"s}) {
    EXPECT_EQ(kind_of(text), "") << text;
  }
}

TEST(CsvFileKind, NoPrintableTextIsAnythingElse) {
  std::mt19937 random(7);
  const std::string beginnings[] = {"",
                                    "PK",
                                    "BZh9",
                                    "BZh91AY&S",
                                    "7z",
                                    "%PDF-1.",
                                    "<html>",
                                    "<!DOCTYPE html>",
                                    "PAR1",
                                    "ORC",
                                    "Obj",
                                    "SQLite format 3",
                                    "\xEF\xBB\xBF<html>"};
  for (int round = 0; round < 20000; round++) {
    std::string text = beginnings[random() % std::size(beginnings)];
    text += ",;\t|"[random() % 4];  // a delimiter ends the field
    for (unsigned i = random() % 60; i > 0; i--)
      text += random() % 8 == 0 ? ",;\t|\"\r\n"[random() % 7]
                                : static_cast<char>(random() % 4 != 0 ? ' ' + random() % 95 : 0x80 + random() % 128);
    ASSERT_EQ(kind_of(text), "") << text;
  }
}

TEST(CsvFileKind, AnyBytes) {
  std::mt19937 random(11);
  for (int round = 0; round < 5000; round++) {
    const std::size_t size = random() % 1500;
    std::string bytes;
    for (std::size_t i = 0; i < size; i++)
      bytes += random() % 2 != 0 ? "PK\3\4<html>%PDF-1.4ORC\0\0"[random() % 22] : static_cast<char>(random());
    // Copied, so that a byte beyond its end is noticed.
    char* exact = new char[size];
    if (size > 0) std::memcpy(exact, bytes.data(), size);
    const Reason kind = file_kind(exact, size);
    delete[] exact;
    EXPECT_TRUE(kind == Reason::none || (kind >= Reason::utf16 && kind <= Reason::sqlite));
  }
}

}  // namespace
}  // namespace dap::csv
