// A state machine over the bytes of one record. `state_` says where in a field it is, `pending_` what the last byte
// left open (a CR, which may be half of a line end). read() skips plain bytes in a tight loop and takes special ones
// one by one; nothing is copied, only sizes and places are counted, so that a record of any length costs no memory. The
// first fault wins and reading goes on to the record's end, which the faults do not move. `broken_` notes that a quote
// stood where none may: the record's end is a guess then, and the Scanner looks for better ones. The values are cut out
// later, by a walk over the bytes that by then are known to be one record.
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
  if (n > 0) {
    last_was_cr_ = false;
    line_end_size_ = 0;
  }
  value_size_ += n;
  size_ += n;
  return n;
}

void RecordMachine::start(std::uint64_t line, bool empty_lines_count, std::uint64_t most_fields,
                          std::uint64_t bare_from) noexcept {
  state_ = State::field_start;
  pending_ = Pending::none;
  last_was_cr_ = faulty_ = broken_ = wide_ = spans_ = pieces_ = false;
  most_fields_ = most_fields;
  empty_lines_count_ = empty_lines_count;
  fault_column_ = -1;
  column_ = value_size_ = size_ = copied_ = lone_crs_ = line_end_size_ = 0;
  line_ = quote_line_ = line;
  quote_at_ = 0;
  bare_from_ = bare_from;
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
    case State::field_start: state_ = State::unquoted; [[fallthrough]];
    case State::unquoted:
      if (c == rules_.quote && !rules_.lenient) {
        broken_ = true;
        fault(Reason::quote_in_field, column);
      }
      break;
    default:  // strictly
      state_ = State::after_text;
      broken_ = true;
      fault(Reason::text_after_quote, column);
      break;
  }
  value_byte();
}

// The field at hand has turned out to be bare: what was read of it is its value as it stands.
void RecordMachine::be_bare() noexcept {
  state_ = State::unquoted;
  broken_ = true;
  pieces_ = false;
  value_size_ = size_ - quote_at_;
  if (value_size_ > rules_.field_bytes) fault(Reason::field_too_long, static_cast<std::int64_t>(column_));
}

// If lenient: neither a delimiter nor a line end follows the quote, or the two, before `c`, so the value goes on.
void RecordMachine::stay_inside(int c, LineEnds line_ends) noexcept {
  if (may_be_bare()) {
    be_bare();
    text(c);
    return;
  }
  if (state_ == State::after_two) {
    pieces_ = true;
  } else {
    broken_ = broken_value_ = true;
  }
  state_ = State::quoted;
  value_byte();
  inside_quotes(c, line_ends);
}

void RecordMachine::inside_quotes(int c, LineEnds line_ends) noexcept {
  line_end_size_ = 0;
  if (c == '\n') {
    if (!(last_was_cr_ && line_ends == LineEnds::cr)) line_++;  // that CR has been counted
    if (last_was_cr_ && line_ends == LineEnds::undecided) lone_crs_--;
    line_end_size_ = last_was_cr_ ? 2 : 1;
    spans_ = true;
  } else if (c == '\r') {
    if (line_ends == LineEnds::cr) {
      line_++;
      line_end_size_ = 1;
      spans_ = true;
      if (suspect()) pending_ = Pending::line;
    }
    if (line_ends == LineEnds::undecided) lone_crs_++;
  }
  // Before its other quote a bare field has nothing that does not stand outside quotes: this is a quoted value, and the
  // line is no record.
  if ((c == rules_.delimiter || c == '\r') && may_be_bare()) bare_from_ = nowhere;
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
  if (state_ == State::after_two) value_byte();  // the first of them is data
  if (pieces_) copied_ += value_size_;
  pieces_ = false;
  value_size_ = 0;
}

// A CR that ends no line, outside quotes or where a quote that is data kept them open.
void RecordMachine::bare_cr(LineEnds line_ends) noexcept {
  const bool inside = rules_.lenient && (state_ == State::after_quote || state_ == State::after_two);
  if (inside && !may_be_bare()) {
    stay_inside('\r', line_ends);
  } else {
    if (inside) be_bare();
    fault(Reason::bare_cr, static_cast<std::int64_t>(column_));
    text('\r');
  }
  raw_byte();
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

    if (pending_ == Pending::line) {
      pending_ = Pending::none;
      if (c != '\n') {
        last_was_cr_ = false;
        found = Found::line;
        return i;
      }
    } else if (pending_ == Pending::cr) {
      pending_ = Pending::none;
      if (c == '\n') {
        found = end_record(line_ends, line_ends == LineEnds::cr ? LineEnds::cr : LineEnds::lf);
        return i + 1;
      }
      if (line_ends != LineEnds::lf) {
        found = end_record(line_ends, LineEnds::cr);
        return i;
      }
      bare_cr(line_ends);
    }

    if (!special_[static_cast<std::size_t>(c)]) {
      if (const std::size_t plain = plain_bytes(data + i, size - i); plain > 0) {
        i += plain - 1;
        continue;
      }
    }

    if (!faulty_ && rules_.validate_utf8 && !utf8_.push(static_cast<unsigned char>(c)))
      fault(Reason::invalid_utf8, static_cast<std::int64_t>(column_));
    if (c == 0) fault(Reason::nul_byte, static_cast<std::int64_t>(column_));

    if (state_ == State::quoted || state_ == State::escaped) {
      inside_quotes(c, line_ends);
      if (c == '\n' && suspect()) {
        raw_byte();
        found = Found::line;
        return i + 1;
      }
    } else if (state_ == State::after_quote && c == rules_.quote && rules_.doubled_quotes()) {
      last_was_cr_ = false;
      if (rules_.lenient && broken_value_) {
        state_ = State::after_two;
      } else {
        state_ = State::quoted;
        pieces_ = true;
        value_byte();
      }
    } else if (c == rules_.delimiter) {
      end_field();
      column_++;
      wide_ = wide_ || (rules_.lenient && column_ >= most_fields_);
      state_ = State::field_start;
    } else if (c == '\n') {
      found = end_record(line_ends, line_ends == LineEnds::cr ? LineEnds::cr : LineEnds::lf);
      return i + 1;
    } else if (c == '\r') {
      pending_ = Pending::cr;
      continue;  // counted once it is known to be data
    } else if (c == rules_.quote && state_ == State::field_start) {
      state_ = State::quoted;
      quote_line_ = line_;
      quote_at_ = size_;
      last_was_cr_ = broken_value_ = false;
    } else if (rules_.lenient && (state_ == State::after_quote || state_ == State::after_two)) {
      stay_inside(c, line_ends);
    } else {
      text(c);
    }
    raw_byte();
  }
  return size;
}

RecordMachine::Found RecordMachine::finish(LineEnds& line_ends) noexcept {
  if (unterminated()) return Found::nothing;
  if (pending_ == Pending::cr) {
    pending_ = Pending::none;
    if (line_ends != LineEnds::lf) return end_record(line_ends, LineEnds::cr);
    bare_cr(line_ends);
    if (unterminated()) return Found::nothing;
  } else if (size_ == 0) {
    return Found::nothing;
  }
  if (rules_.validate_utf8 && utf8_.inside()) fault(Reason::invalid_utf8, static_cast<std::int64_t>(column_));
  return end_record(line_ends, LineEnds::undecided);
}

void RecordMachine::give_up() noexcept {
  if (rules_.validate_utf8 && utf8_.inside()) fault(Reason::invalid_utf8, static_cast<std::int64_t>(column_));
  if (state_ == State::escaped) value_byte();  // the escape stood for itself
  fault(Reason::unterminated_quote, static_cast<std::int64_t>(column_));
}

}  // namespace dap::csv
