#include "engine/csv/file_kind.h"

#include <algorithm>
#include <string_view>

namespace dap::csv {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view blanks = " \t\r\n\f\v"sv;

unsigned byte_at(std::string_view head, std::size_t at) noexcept { return static_cast<unsigned char>(head[at]); }

bool is_printable(std::uint32_t character) noexcept { return character >= 0x20 && character < 0x7f; }
// A character that a text may be expected to have: no control character but tab and line ends.
bool is_plain(std::uint32_t character) noexcept {
  return character == '\t' || character == '\n' || character == '\r' || is_printable(character) || character >= 0xa0;
}
bool is_surrogate(std::uint32_t character) noexcept { return character >= 0xd800 && character <= 0xdfff; }

// Every four bytes are a character, and one in four at the least is of ASCII.
bool is_utf32(std::string_view head, bool big_endian) noexcept {
  const std::size_t characters = head.size() / 4;
  std::size_t ascii = 0;
  for (std::size_t i = 0; i < characters; i++) {
    std::uint32_t character = 0;
    for (std::size_t k = 0; k < 4; k++) character = character << 8 | byte_at(head, i * 4 + (big_endian ? k : 3 - k));
    if (character > 0x10ffff || is_surrogate(character) || !is_plain(character)) return false;
    ascii += character < 0x80;
  }
  return ascii > 0 && ascii * 4 >= characters;
}

// The same for pairs of bytes. A NUL in the other half of a pair is rare in UTF-16, and as frequent where NULs are just
// strewn in; pairs that could be two characters of ASCII are rare but for some ideographs.
bool is_utf16(std::string_view head, bool big_endian) noexcept {
  const std::size_t units = head.size() / 2;
  std::size_t narrow = 0, reversed = 0, pairs = 0;
  bool in_pair = false;
  for (std::size_t i = 0; i < units; i++) {
    const unsigned first = byte_at(head, i * 2), second = byte_at(head, i * 2 + 1);
    const std::uint32_t unit = big_endian ? first << 8 | second : second << 8 | first;
    const bool low_surrogate = unit >= 0xdc00 && unit <= 0xdfff;
    if (low_surrogate != in_pair) return false;
    in_pair = is_surrogate(unit) && !low_surrogate;
    if (!is_plain(unit)) return false;
    narrow += unit < 0x100;
    reversed += (unit & 0xff) == 0;
    pairs += is_printable(first) && is_printable(second);
  }
  return narrow >= 2 && narrow * 4 >= units && reversed * 2 <= narrow && pairs * 2 < narrow;
}

Reason wide_encoding(std::string_view head) noexcept {
  // UTF-32's little-endian mark begins with UTF-16's.
  if (head.starts_with("\xFF\xFE\0\0"sv) || head.starts_with("\0\0\xFE\xFF"sv)) return Reason::utf32;
  if (head.starts_with("\xFF\xFE"sv) || head.starts_with("\xFE\xFF"sv)) return Reason::utf16;
  if (head.find('\0') == head.npos) return Reason::none;
  if (is_utf32(head, false) || is_utf32(head, true)) return Reason::utf32;
  if (is_utf16(head, false) || is_utf16(head, true)) return Reason::utf16;
  return Reason::none;
}

// Office programs' archives begin with one of these members.
bool is_workbook(std::string_view head) noexcept {
  constexpr std::size_t name_at = 30;  // APPNOTE.TXT, 4.3.7
  if (head.size() < name_at || !head.starts_with("PK\3\4"sv)) return false;
  const std::string_view name = head.substr(name_at, byte_at(head, 26) | byte_at(head, 27) << 8);
  for (const std::string_view part : {"[Content_Types].xml"sv, "_rels/"sv, "docProps/"sv, "xl/"sv})
    if (name.starts_with(part)) return true;
  return name == "mimetype"sv &&
         head.substr(name_at + name.size()).starts_with("application/vnd.oasis.opendocument."sv);
}

// Ignoring case; `word` is in lower case.
bool take_word(std::string_view& text, std::string_view word) noexcept {
  if (text.size() < word.size()) return false;
  const bool same = std::equal(word.begin(), word.end(), text.begin(),
                               [](char w, char c) { return w == (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); });
  if (same) text.remove_prefix(word.size());
  return same;
}

bool take_blanks(std::string_view& text) noexcept {
  const std::size_t size = std::min(text.find_first_not_of(blanks), text.size());
  text.remove_prefix(size);
  return size > 0;
}

// A doctype or the html tag, and then another tag or a comment, at once or in a line of its own: a field that begins so
// goes on with a delimiter.
bool is_html(std::string_view text) noexcept {
  if (text.starts_with("\xEF\xBB\xBF"sv)) text.remove_prefix(3);
  take_blanks(text);
  const bool begins =
      take_word(text, "<!doctype"sv) ? take_blanks(text) && take_word(text, "html"sv) : take_word(text, "<html"sv);
  if (!begins || text.empty() || (text.front() != '>' && !take_blanks(text))) return false;
  const std::size_t end = text.find('>');
  if (end == text.npos) return false;
  text.remove_prefix(end + 1);
  if (text.starts_with('<')) return true;
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (!text.starts_with('\n') && !text.starts_with('\r')) return false;
  take_blanks(text);
  return text.starts_with('<');
}

// The version's line, and then a comment of bytes beyond ASCII or the first object.
bool is_pdf(std::string_view head) noexcept {
  constexpr std::size_t version_end = 8;
  if (!head.starts_with("%PDF-"sv) || head.size() <= version_end || head[6] != '.') return false;
  const std::string_view rest = head.substr(version_end);
  if (blanks.find(rest.front()) == blanks.npos) return false;
  const std::size_t next = rest.find_first_not_of(blanks);
  if (next == rest.npos) return false;
  return (rest[next] == '%' && next + 1 < rest.size() && byte_at(rest, next + 1) >= 0x80) ||
         rest.find(" obj"sv) != rest.npos;
}

bool has_control_character(std::string_view bytes) noexcept {
  return std::any_of(bytes.begin(), bytes.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 && blanks.find(c) == blanks.npos; });
}

// The first page's header: its kind and size, in Thrift's compact form.
bool is_parquet(std::string_view head) noexcept {
  return head.size() > 6 && head.starts_with("PAR1\x15"sv) && byte_at(head, 5) <= 6 && head[6] == '\x15';
}

bool is_bzip2(std::string_view head) noexcept {
  if (head.size() < 10 || !head.starts_with("BZh"sv) || head[3] < '1' || head[3] > '9') return false;
  const std::string_view block = head.substr(4);
  return block.starts_with("\x31\x41\x59\x26\x53\x59"sv) || block.starts_with("\x17\x72\x45\x38\x50\x90"sv);
}

struct Signature {
  std::string_view bytes;
  Reason kind;
};

// Those that no text begins with.
constexpr Signature signatures[] = {
    {"\x1f\x8b\x08"sv, Reason::gzip},
    {"\x28\xb5\x2f\xfd"sv, Reason::zstd},
    {"\xfd"
     "7zXZ\0"sv,
     Reason::xz},
    {"7z\xbc\xaf\x27\x1c"sv, Reason::seven_zip},
    {"PK\3\4"sv, Reason::zip},
    {"PK\5\6"sv, Reason::zip},
    {"PK\7\x8"sv, Reason::zip},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, Reason::ole},
    {"SQLite format 3\0"sv, Reason::sqlite},
};

}  // namespace

Reason file_kind(const char* first_bytes, std::size_t size) noexcept {
  const std::string_view head(first_bytes, std::min(size, file_kind_bytes));
  for (const Signature& signature : signatures) {
    if (!head.starts_with(signature.bytes)) continue;
    return is_workbook(head) ? Reason::workbook : signature.kind;
  }
  if (is_bzip2(head)) return Reason::bzip2;
  if (is_pdf(head)) return Reason::pdf;
  if (is_html(head)) return Reason::html;
  if (is_parquet(head)) return Reason::parquet;
  if (head.starts_with("ORC"sv) && has_control_character(head.substr(3, 16))) return Reason::orc;
  if (head.starts_with("Obj\1"sv) && head.find("avro."sv) != head.npos) return Reason::avro;
  return wide_encoding(head);
}

}  // namespace dap::csv
