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
// Outside quotes a delimiter ends the field and a line end the record. A quote opens a quoted value only as the first
// byte of a field; in another field it is a fault, or data if lenient. Strictly the first quote that no escape takes
// closes the value; text after it is a fault and belongs to the field, in which no quote opens or closes anything. If
// lenient a quote closes the value only before a delimiter or a line end, and is data elsewhere; once there was such a
// one, the second of two quotes closes too, where it stands so: a person who did not double the others did not double
// that one. What strictly has no fault is the same record for both.
//
// A line that is read by itself may have a field whose quote nothing in the line closes. From it on a field that opens
// with a quote is bare if there is another quote in it, with text after it: all its bytes up to the delimiter or the
// line end are the value. What has no such quote opens a quoted value.
class RecordMachine {
 public:
  enum class Found : std::uint8_t {
    nothing,
    record,
    empty_line,
    line,  // a line end inside quotes, in a record that is suspect()
  };

  static constexpr std::uint64_t any_fields = UINT64_MAX;
  static constexpr std::uint64_t nowhere = UINT64_MAX;

  explicit RecordMachine(const Rules& rules) noexcept;

  // A new record begins, on physical line `line`. `empty_lines_count`: an empty line is a record of one empty field.
  // `most_fields`: with more of them a lenient record is suspect(). `bare_from`: the quote of a lenient record, or of a
  // line of one, from which on nothing closes a quote that opens a field.
  void start(std::uint64_t line, bool empty_lines_count, std::uint64_t most_fields = any_fields,
             std::uint64_t bare_from = nowhere) noexcept;

  // Reads from data[0, size) up to and with the record's line end, and says how much it read. Found::nothing: all of
  // it, and the record goes on, as it does after Found::line. `line_ends` is decided by the end of the first record.
  std::size_t read(const char* data, std::size_t size, LineEnds& line_ends, Found& found) noexcept;

  // The input ends here. Found::nothing: there was no record, or unterminated() is true.
  Found finish(LineEnds& line_ends) noexcept;

  // The record has no more bytes, though a quote is open: that is its fault, if it has no other.
  void give_up() noexcept;

  bool unterminated() const noexcept { return state_ == State::quoted || state_ == State::escaped; }
  std::uint64_t quote_line() const noexcept { return quote_line_; }  // where the last quoted value opened
  std::uint64_t quote_at() const noexcept { return quote_at_; }      // and the place of its quote in the record
  // from which place on fields that open with a quote are bare
  std::uint64_t bare_from() const noexcept { return bare_from_; }

  // Does a quote stand where none may? If lenient: one that would close the value, were it before a delimiter or a line
  // end.
  bool broken() const noexcept { return broken_; }
  // Is it broken, or lenient and of too many fields already? Then lines of it may be records of their own.
  bool suspect() const noexcept { return broken_ || wide_; }
  bool spans_lines() const noexcept { return spans_; }  // there was a line end inside quotes
  // How many of the bytes read last are a line end inside quotes.
  std::uint64_t line_end_size() const noexcept { return line_end_size_; }

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
    after_quote,  // a quote inside quotes: the closing one, the first of two, or data
    // two quotes inside quotes of a value with quotes that are data: one by an escape, or data and the closing one
    after_two,
    after_text,  // text after the closing quote
  };

  std::size_t plain_bytes(const char* data, std::size_t size) noexcept;
  void fault(Reason reason, std::int64_t column) noexcept;
  void value_byte() noexcept;
  void raw_byte() noexcept;
  void text(int c) noexcept;
  bool may_be_bare() const noexcept { return quote_at_ >= bare_from_; }
  void be_bare() noexcept;
  void stay_inside(int c, LineEnds line_ends) noexcept;
  void inside_quotes(int c, LineEnds line_ends) noexcept;
  void bare_cr(LineEnds line_ends) noexcept;
  void end_field() noexcept;
  Found end_record(LineEnds& line_ends, LineEnds seen) noexcept;

  const Rules& rules_;
  std::array<bool, 256> special_;  // bytes that need to be looked at in every state
  State state_ = State::field_start;
  // A CR whose next byte is not known yet: outside quotes, or one that ends a line inside quotes of a record that is
  // suspect
  enum class Pending : std::uint8_t { none, cr, line };
  Pending pending_ = Pending::none;
  bool last_was_cr_ = false;
  bool faulty_ = false;
  bool broken_ = false;
  bool wide_ = false;          // lenient, and of more fields than most_fields_
  bool broken_value_ = false;  // the field at hand has a quote that is data, inside quotes
  bool spans_ = false;
  bool pieces_ = false;  // the field's value is not contiguous in the record
  bool empty_lines_count_ = false;
  Reason reason_{};
  std::int32_t fault_column_ = -1;
  std::uint64_t column_ = 0;
  std::uint64_t most_fields_ = any_fields;
  std::uint64_t value_size_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t copied_ = 0;
  std::uint64_t line_end_size_ = 0;
  std::uint64_t line_ = 1;
  std::uint64_t quote_line_ = 1;
  std::uint64_t quote_at_ = 0;
  std::uint64_t bare_from_ = nowhere;
  // inside quotes while the line ends are undecided: lines, if CR turns out to be a line end
  std::uint64_t lone_crs_ = 0;
  text::Utf8Stream utf8_;
};

}  // namespace dap::csv
