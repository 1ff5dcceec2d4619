#include "engine/csv/record_machine.h"

#include <algorithm>

namespace dap::csv {

RecordMachine::RecordMachine(const Rules& rules) noexcept : rules_(rules), special_{} {
  for (const int c : {rules.delimiter, rules.quote, rules.escape, int{'\n'}, int{'\r'}, 0}) {
    if (c >= 0) special_[static_cast<std::size_t>(c)] = true;
  }
  if (rules.validate_utf8) std::fill(special_.begin() + 0x80, special_.end(), true);
}

// Takes the bytes at data[0, size) that can only be part of the value at hand, and says how many.
std::size_t RecordMachine::plain_bytes(const char* data, std::size_t size) noexcept {
  if (state_ != State::quoted && state_ != State::unquoted && state_ != State::after_text) return 0;
  if (!faulty_) {
    if (utf8_.inside()) return 0;
    // A byte that passes a limit is not one of these.
    size = std::min<std::uint64_t>(size, rules_.field_bytes - value_size_);
    size = std::min<std::uint64_t>(size, rules_.record_bytes - size_);
  }
  std::size_t n = 0;
  while (n < size && !special_[static_cast<unsigned char>(data[n])]) n++;
  if (n > 0) last_was_cr_ = false;
  value_size_ += n;
  size_ += n;
  return n;
}

void RecordMachine::start(std::uint64_t line, bool empty_lines_count) noexcept {
  state_ = State::field_start;
  cr_pending_ = last_was_cr_ = faulty_ = pieces_ = false;
  empty_lines_count_ = empty_lines_count;
  fault_column_ = -1;
  column_ = value_size_ = size_ = copied_ = lone_crs_ = 0;
  line_ = quote_line_ = line;
  utf8_.reset();
}

void RecordMachine::fault(Reason reason, std::int64_t column) noexcept {
  if (faulty_) return;
  faulty_ = true;
  reason_ = reason;
  fault_column_ = static_cast<std::int32_t>(std::min<std::int64_t>(column, INT32_MAX));
}

void RecordMachine::value_byte() noexcept {
  if (++value_size_ > rules_.field_bytes) fault(Reason::field_too_long, static_cast<std::int64_t>(column_));
}

void RecordMachine::raw_byte() noexcept {
  if (++size_ > rules_.record_bytes) fault(Reason::record_too_long, -1);
}

// A byte of a value outside quotes.
void RecordMachine::text(int c) noexcept {
  const auto column = static_cast<std::int64_t>(column_);
  switch (state_) {
    case State::field_start:
      state_ = State::unquoted;
      [[fallthrough]];
    case State::unquoted:
      if (c == rules_.quote && !rules_.lenient) fault(Reason::quote_in_field, column);
      break;
    default:
      state_ = State::after_text;
      pieces_ = true;
      if (!rules_.lenient) fault(Reason::text_after_quote, column);
      break;
  }
  value_byte();
}

void RecordMachine::inside_quotes(int c, LineEnds line_ends) noexcept {
  if (c == '\n') {
    if (!(last_was_cr_ && line_ends == LineEnds::cr)) line_++;  // that CR has been counted
    if (last_was_cr_ && line_ends == LineEnds::undecided) lone_crs_--;
  } else if (c == '\r') {
    if (line_ends == LineEnds::cr) line_++;
    if (line_ends == LineEnds::undecided) lone_crs_++;
  }
  last_was_cr_ = c == '\r';

  if (state_ == State::escaped) {
    state_ = State::quoted;
    if (c == rules_.quote || c == rules_.escape) {
      pieces_ = true;
      value_byte();
      return;
    }
    value_byte();  // the escape stood for itself
  }
  if (c == rules_.quote) {
    state_ = State::after_quote;
  } else if (c == rules_.escape) {
    state_ = State::escaped;
  } else {
    value_byte();
  }
}

void RecordMachine::end_field() noexcept {
  if (pieces_) copied_ += value_size_;
  pieces_ = false;
  value_size_ = 0;
}

RecordMachine::Found RecordMachine::end_record(LineEnds& line_ends, LineEnds seen) noexcept {
  if (seen != LineEnds::undecided) line_++;
  if (size_ == 0 && !empty_lines_count_) return Found::empty_line;
  end_field();
  if (line_ends == LineEnds::undecided) {
    line_ends = seen;
    if (seen == LineEnds::cr) line_ += lone_crs_;
  }
  return Found::record;
}

std::size_t RecordMachine::read(const char* data, std::size_t size, LineEnds& line_ends, Found& found) noexcept {
  found = Found::nothing;
  for (std::size_t i = 0; i < size; i++) {
    const int c = static_cast<unsigned char>(data[i]);

    if (cr_pending_) {
      cr_pending_ = false;
      if (c == '\n') {
        found = end_record(line_ends, line_ends == LineEnds::cr ? LineEnds::cr : LineEnds::lf);
        return i + 1;
      }
      if (line_ends != LineEnds::lf) {
        found = end_record(line_ends, LineEnds::cr);
        return i;
      }
      fault(Reason::bare_cr, static_cast<std::int64_t>(column_));
      text('\r');
      raw_byte();
    }

    if (!special_[static_cast<std::size_t>(c)]) {
      if (const std::size_t plain = plain_bytes(data + i, size - i); plain > 0) {
        i += plain - 1;
        continue;
      }
    }

    if (!faulty_ && rules_.validate_utf8 && !utf8_.push(static_cast<unsigned char>(c)))
      fault(Reason::invalid_encoding, static_cast<std::int64_t>(column_));
    if (c == 0) fault(Reason::nul_byte, static_cast<std::int64_t>(column_));

    if (state_ == State::quoted || state_ == State::escaped) {
      inside_quotes(c, line_ends);
    } else if (state_ == State::after_quote && c == rules_.quote && rules_.doubled_quotes()) {
      state_ = State::quoted;
      pieces_ = true;
      last_was_cr_ = false;
      value_byte();
    } else if (c == rules_.delimiter) {
      end_field();
      column_++;
      state_ = State::field_start;
    } else if (c == '\n') {
      found = end_record(line_ends, line_ends == LineEnds::cr ? LineEnds::cr : LineEnds::lf);
      return i + 1;
    } else if (c == '\r') {
      cr_pending_ = true;
      continue;  // counted once it is known to be data
    } else if (c == rules_.quote && state_ == State::field_start) {
      state_ = State::quoted;
      quote_line_ = line_;
      last_was_cr_ = false;
    } else {
      text(c);
    }
    raw_byte();
  }
  return size;
}

RecordMachine::Found RecordMachine::finish(LineEnds& line_ends) noexcept {
  if (unterminated()) return Found::nothing;
  if (cr_pending_) {
    cr_pending_ = false;
    if (line_ends != LineEnds::lf) return end_record(line_ends, LineEnds::cr);
    fault(Reason::bare_cr, static_cast<std::int64_t>(column_));
    text('\r');
    raw_byte();
  } else if (size_ == 0) {
    return Found::nothing;
  }
  if (rules_.validate_utf8 && utf8_.inside()) fault(Reason::invalid_encoding, static_cast<std::int64_t>(column_));
  return end_record(line_ends, LineEnds::undecided);
}

}  // namespace dap::csv
