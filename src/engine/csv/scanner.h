// Splits a stream of CSV bytes into batches of records and rejects: no I/O, no PostgreSQL, no callbacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>

#include "engine/reason/reason.h"

namespace dap::csv {

// How a file is written. Delimiter, quote and escape are single bytes; quote 0 means that nothing is quoted.
struct Dialect {
  char delimiter = ',';
  char quote = '"';
  char escape = '"';
  // a quote inside an unquoted field is data; one that opened a field is closed before a delimiter or a line end only
  bool lenient = false;
  std::string null_text;      // an unquoted field equal to this is NULL
  bool validate_utf8 = true;  // false: the caller validates and converts the bytes of another encoding
};

// All in bytes of decompressed input. A field or record over its limit is a reject, never memory.
struct Limits {
  std::uint64_t field_bytes = 16u << 20;
  std::uint64_t record_bytes = 64u << 20;
  std::uint64_t reject_bytes = 64u << 10;  // how much of a rejected record's raw bytes is kept
  // about how much is read, and read again, in one call; the outcome does not depend on it
  std::uint64_t step_bytes = 256u << 10;
};

// One value of a record; `data` is valid until the next call of the scanner. NULL has size 0.
struct Field {
  const char* data;
  std::uint32_t size;
  bool is_null;
};

// Where an accepted record stood: physical line (first line is 1), offset of its first byte in the decompressed file (a
// BOM counts), and its bytes as they came without the line end: all of them, but for a long record whose values were
// put in their place; then at least the first Limits::reject_bytes.
struct RecordPlace {
  std::uint64_t line;
  std::uint64_t offset;
  const char* raw;
  std::uint32_t raw_size;  // whole length
  std::uint32_t raw_kept;  // what of it is at `raw`
};

struct Reject {
  std::uint64_t line;
  std::uint64_t offset;
  Reason reason;
  std::int32_t column;         // 0-based field where it went wrong, -1: the whole record
  std::uint32_t fields_found;  // for field_count
  std::string_view raw;        // at most Limits::reject_bytes
  std::uint64_t raw_size;      // whole length
};

// What one call of Scanner::next found, in file order within each list; valid until the next call.
struct Batch {
  std::span<const Field> fields;  // row-major: records.size() × columns
  std::span<const RecordPlace> records;
  std::span<const Reject> rejects;
};

enum class Step : std::uint8_t {
  batch,       // the batch holds at least one record or reject
  need_input,  // everything fed was used up: feed() or finish()
  call_again,  // a long record is not looked through yet
  end,         // after finish(): nothing is left
  failed,      // file_error() says why; no further calls
};

// Feed bytes in chunks of any size, pull batches. The outcome does not depend on the chunks. Throws std::bad_alloc
// only.
//
// Where a quote stands that may not, nobody knows what the quotes around it mean, and the record may have swallowed
// others. If it spans lines, it is a reject that ends before the first of its further lines that stands whole: a record
// by itself, of as many fields as there must be, with its quotes in order. Reading goes on with that line. If lenient,
// a record of one line that would be a reject for that reason, or because the input ends inside its quotes, is a record
// after all if it is one, of as many fields as there must be, when a field is bare, taken as it stands, quotes and all,
// that opens with a quote which nothing in the line closes and has another one with text after it; and the second line
// of a record stands whole by such a field as well if the first one does. Without such a line the record ends where its
// quotes say, or with the line in which it is known to be too long by the limits; it is a reject even if it is good
// otherwise when the first of its lines is a record by itself in that way. Under a lenient dialect a record of
// another width is looked through in the same way, and one whose quotes are out of order and never closed is a reject
// to the end of the file; every other quote that is never closed fails the file.
class Scanner {
 public:
  Scanner(const Dialect&, const Limits&, std::pmr::memory_resource*);
  ~Scanner();
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  // The chunk must stay as it is until next() or read_header() has returned need_input.
  void feed(const char* data, std::size_t size);
  void finish();

  // Reads the next record as the header: Step::batch with one record of any number of fields in `out` (rejects are not
  // reported here: a header with a fault comes out as one reject), need_input, end (no header) or failed.
  Step read_header(Batch& out);

  // How many fields a record must have; to be called before the first next().
  void set_columns(std::uint32_t columns);

  // At most `max_records` records plus rejects, fewer when the batch's memory (about 256 kB of copied bytes) is full; a
  // record of 1 MB or more that a chunk's edge cut is alone.
  Step next(Batch& out, std::size_t max_records);

  // Gives back the memory of a long record that was handed out as a batch of its own: its values and bytes are gone
  // then.
  void release_record();

  Reason file_error() const noexcept;           // none, or unclosed_quote
  std::uint64_t error_line() const noexcept;    // unterminated quote: the line where it opened
  std::uint64_t error_offset() const noexcept;  // and that quote's record's offset
  std::uint64_t bare_records() const noexcept;  // how many records with bare fields there were
  // How far reading has come; falls back to where a record was cut off, as what follows is read again.
  std::uint64_t bytes_consumed() const noexcept;

 private:
  struct Impl;
  Impl* impl_;
};

}  // namespace dap::csv
