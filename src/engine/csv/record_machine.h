// The definition of a record: reads one byte by byte, over any number of chunks, and finds its end and its first fault.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/csv/rules.h"
#include "engine/text/utf8.h"

namespace dap::csv {

// Everything about a record but its bytes; keeps no more than this, however long the record is.
//
// Outside quotes a delimiter ends the field and a line end the record. A quote opens a quoted value only as the first byte of a field. Text
// after the closing quote belongs to the field, and no quote opens or closes anything until the next delimiter. Strict and lenient
// dialects see the same records and fields; what differs is whether such quotes and texts are faults.
class RecordMachine {
 public:
  enum class Found : std::uint8_t { nothing, record, empty_line };

  explicit RecordMachine(const Rules& rules) noexcept;

  // A new record begins, on physical line `line`. `empty_lines_count`: an empty line is a record of one empty field.
  void start(std::uint64_t line, bool empty_lines_count) noexcept;

  // Reads from data[0, size) up to and with the record's line end, and says how much it read. Found::nothing: all of it, and the
  // record goes on. `line_ends` is decided by the end of the first record.
  std::size_t read(const char* data, std::size_t size, LineEnds& line_ends, Found& found) noexcept;

  // The input ends here. Found::nothing: there was no record, or unterminated() is true.
  Found finish(LineEnds& line_ends) noexcept;

  bool unterminated() const noexcept { return state_ == State::quoted || state_ == State::escaped; }
  std::uint64_t quote_line() const noexcept { return quote_line_; }  // where the last quoted value opened

  bool faulty() const noexcept { return faulty_; }
  Reason reason() const noexcept { return reason_; }
  std::int32_t fault_column() const noexcept { return fault_column_; }

  std::uint64_t fields() const noexcept { return column_ + 1; }
  std::uint64_t size() const noexcept { return size_; }            // without the line end
  std::uint64_t line_after() const noexcept { return line_; }      // once the record has ended: the line that follows
  std::uint64_t copied_bytes() const noexcept { return copied_; }  // of values that are not contiguous in the record

 private:
  enum class State : std::uint8_t {
    field_start,
    unquoted,
    quoted,
    escaped,      // an escape that is not the quote, inside quotes
    after_quote,  // a quote inside quotes: the closing one, or the first of two
    after_text,   // text after the closing quote
  };

  std::size_t plain_bytes(const char* data, std::size_t size) noexcept;
  void fault(Reason reason, std::int64_t column) noexcept;
  void value_byte() noexcept;
  void raw_byte() noexcept;
  void text(int c) noexcept;
  void inside_quotes(int c, LineEnds line_ends) noexcept;
  void end_field() noexcept;
  Found end_record(LineEnds& line_ends, LineEnds seen) noexcept;

  const Rules& rules_;
  std::array<bool, 256> special_;  // bytes that need to be looked at in every state
  State state_ = State::field_start;
  bool cr_pending_ = false;  // a CR outside quotes whose next byte is not known yet
  bool last_was_cr_ = false;
  bool faulty_ = false;
  bool pieces_ = false;  // the field's value is not contiguous in the record
  bool empty_lines_count_ = false;
  Reason reason_{};
  std::int32_t fault_column_ = -1;
  std::uint64_t column_ = 0;
  std::uint64_t value_size_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t copied_ = 0;
  std::uint64_t line_ = 1;
  std::uint64_t quote_line_ = 1;
  std::uint64_t lone_crs_ = 0;  // inside quotes while the line ends are undecided: lines, if CR turns out to be a line end
  text::Utf8Stream utf8_;
};

}  // namespace dap::csv
