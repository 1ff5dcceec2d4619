// The caller feeds pieces of the file, and each piece is read in one of two ways. The fast path (fast_path.cpp) takes
// the places of delimiters, quotes and line ends from an index that the SIMD kernels make, and cuts records that are in
// order out of the piece without copying. At whatever it does not know, a fault, a record that goes on in the next
// piece, the header, it stops before the record, and read_slow() gives it to the RecordMachine, byte by byte: that one
// alone defines what a record is. A record that crosses pieces is gathered in `carried`. Where quotes are out of order
// it may have swallowed others: look_through() then searches its lines for one that is a whole record, cuts there
// (cut_off), and what was gathered is read again, as held bytes, before the rest of the piece. Work on such a record is
// done in steps, between which the caller can be interrupted (Step::call_again).
#include "engine/csv/scanner.h"

#include <cstring>
#include <new>

#include "engine/csv/scanner_impl.h"

namespace dap::csv {

Scanner::Impl::Impl(const Dialect& dialect, const Limits& limits, std::pmr::memory_resource* memory_)
    : memory(memory_),
      rules(dialect, limits, memory_),
      machine(rules),
      line_machine(rules),
      part_machine(rules),
      index(rules, memory_),
      carried(memory_),
      held(memory_),
      fields(memory_),
      records(memory_),
      rejects(memory_),
      arena(memory_) {}

void Scanner::Impl::begin_batch() {
  fields.set_size(0);
  records.set_size(0);
  rejects.set_size(0);
  arena.clear();
  long_record = false;
  if (!in_machine) {
    // One long record should not cost its memory until the end of the file.
    if (carried.capacity() > long_bytes) carried.release();
    carried.set_size(0);
  }
  if (!in_held) held.release();
}

bool Scanner::Impl::batch_full(std::size_t max_records) const noexcept {
  const std::size_t most = std::min(max_records, most_records);
  return long_record || records.size() >= most || rejects.size() >= most ||
         (records.size() > 0 && fields.size() + columns > most_fields);
}

void Scanner::Impl::begin_piece(const char* data, const char* end) {
  if (piece != nullptr) piece_offset = offset_of(cursor);
  piece = cursor = data;
  piece_end = end;
  in_held = false;
  index.begin(data, end);
}

// Makes the next bytes from `from` on, of those that are held, the piece.
void Scanner::Impl::begin_held(const char* from) {
  const auto size = static_cast<std::size_t>(
      std::min<std::uint64_t>(rules.step_bytes, static_cast<std::uint64_t>(held_end() - from)));
  begin_piece(from, from + size);
  piece_offset = held_offset + static_cast<std::uint64_t>(from - held.data());
  in_held = true;
}

Step Scanner::Impl::read(Batch& out, std::size_t max_records, bool header) {
  out = Batch{};
  begin_batch();
  if (error != Reason::none) return Step::failed;
  const Step step = read_pieces(std::max<std::size_t>(max_records, 1), header);
  if (step == Step::batch) {
    out.fields = {fields.data(), fields.size()};
    out.records = {records.data(), records.size()};
    out.rejects = {rejects.data(), rejects.size()};
  }
  return step;
}

Step Scanner::Impl::read_pieces(std::size_t max_records, bool header) {
  if (!sniffed) {
    const Step step = sniff();
    if (step != Step::batch) return step;
  }
  for (;;) {
    if (batch_full(max_records)) return Step::batch;
    if (cursor == piece_end && !looking) {
      if (!batch_empty()) return Step::batch;
      if (in_held && piece_end < held_end()) {
        begin_held(piece_end);
        continue;
      }
      if (waiting_size > 0) {
        begin_piece(waiting, waiting + waiting_size);
        waiting_size = 0;
        continue;
      }
      return finished ? read_end(header) : Step::need_input;
    }
    if (looking && ended) return read_end(header);
    // The fast path knows how lines end and how many fields there must be.
    if (!in_machine && !header && line_ends != LineEnds::undecided) {
      if (read_fast(max_records) == Stop::full) return Step::batch;
      if (cursor == piece_end) continue;
    }
    if (!read_slow(header)) return Step::batch;
    if (looking) return Step::call_again;
  }
}

bool Scanner::Impl::read_slow(bool header) {
  if (!in_machine) {
    if (batch_empty()) carried.set_size(0);  // an empty line may have left its CR
    machine.start(line, !header && columns == 1, header ? RecordMachine::any_fields : columns);
    record_line = line;
    record_offset = offset_of(cursor);
    record_line_ends = line_ends;
    looked_through = 0;
    bare_column = -1;
  }
  for (const char* at = cursor;;) {
    RecordMachine::Found found = looking_at;
    if (!looking) at += machine.read(at, static_cast<std::size_t>(piece_end - at), line_ends, found);
    if (found == RecordMachine::Found::nothing) {
      // A record of this batch may lie in `carried`, so the batch goes out first and this record is begun again.
      if (!batch_empty()) return false;
      carry_on(cursor, static_cast<std::size_t>(at - cursor));
      in_machine = true;
      cursor = piece_end;
      return true;
    }
    const Look look = look_through(found, at, header);
    if (look == Look::full) return false;
    if (look == Look::cut || looking) return true;
    if (found == RecordMachine::Found::line && !header && !too_long()) continue;
    if (found == RecordMachine::Found::line) machine.give_up();
    if (found != RecordMachine::Found::empty_line && !emit(cursor, header)) return false;
    end_record(at);
    return true;
  }
}

void Scanner::Impl::end_record(const char* at) {
  in_machine = false;
  line = machine.line_after();
  cursor = at;
  // One that was given up ended with a line, whatever a CR was meant to be in it.
  if (machine.unterminated() && line_ends == LineEnds::undecided) line_ends = LineEnds::lf;
}

// Where line ends are not decided yet, a CR alone may be data, and a record that is cut off ends with LF.
LineEnds Scanner::Impl::known_line_ends() const noexcept {
  return record_line_ends == LineEnds::undecided ? LineEnds::lf : record_line_ends;
}

// Whether the line is a record by itself, with its quotes in order and as many fields as there must be; its other
// faults are its own. line_machine has read it.
bool Scanner::Impl::is_record(const char* data, std::size_t size, std::uint64_t bare_from) noexcept {
  LineEnds ends = known_line_ends();
  RecordMachine::Found found;
  line_machine.start(1, true, RecordMachine::any_fields, bare_from);
  std::size_t used = 0;
  do {  // a long line shows soon that it has too many fields
    used += line_machine.read(data + used, std::min<std::size_t>(size - used, 4096), ends, found);
    if (line_machine.fields() > columns) return false;
  } while (found == RecordMachine::Found::nothing && used < size);
  if (used < size || found == RecordMachine::Found::line) return false;
  if (found == RecordMachine::Found::nothing) found = line_machine.finish(ends);
  return found == RecordMachine::Found::record && line_machine.size() > 0 && line_machine.fields() == columns &&
         (rules.lenient || !line_machine.broken());
}

bool Scanner::Impl::stands_whole(const char* data, std::size_t size) noexcept {
  return is_record(data, size, RecordMachine::nowhere);
}

// Whether the record's first line, which is what was looked through, and the second, which stands_whole() has refused,
// are both records with bare fields.
bool Scanner::Impl::both_bare(const char* second, std::size_t second_size) noexcept {
  return bare_column >= 0 && one_line_looked_through() && line_machine.broken() && line_machine.unterminated() &&
         is_record(second, second_size, line_machine.quote_at());
}

// The record has come to `at`. If a quote in it stands where none may, or it is lenient and has not as many fields as
// there must be, looks for a line in it that stands whole; if there is one, the record ends before it, as a reject, and
// that line is the next to be read. Looks at so much only that it does not take long: then `looking` is set.
Scanner::Impl::Look Scanner::Impl::look_through(RecordMachine::Found found, const char* at, bool header) {
  const bool suspect =
      machine.suspect() || (rules.lenient && found == RecordMachine::Found::record && machine.fields() != columns);
  if (!suspect || header || !machine.spans_lines() || too_long()) return Look::whole;
  if (in_machine) {  // all of it is needed in one place
    carry_on(cursor, static_cast<std::size_t>(at - cursor));
    cursor = at;
  }
  const char* const begin = in_machine ? carried.data() : cursor;
  const std::size_t size = in_machine ? carried.size() : static_cast<std::size_t>(at - cursor);
  if (looked_through == 0) part_machine.start(record_line, columns == 1);
  looking = false;
  for (std::size_t looked_at = 0; looked_through < size;) {
    if (looked_at > rules.step_bytes && in_machine) {  // else the record is no longer than a piece
      looking = true;
      looking_at = found;
      return Look::whole;
    }
    const char* const from = begin + looked_through;
    const std::size_t length = line_size(from, size - looked_through);
    if (looked_through > 0 && (stands_whole(from, length) || both_bare(from, length))) return cut_off(begin, at);
    LineEnds ends = known_line_ends();
    RecordMachine::Found part;
    for (std::size_t used = 0; used < length;) used += part_machine.read(from + used, length - used, ends, part);
    if (looked_through == 0 && rules.lenient && part_machine.broken() &&
        is_record(from, length, part_machine.quote_at()))
      bare_column = static_cast<std::int32_t>(part_machine.fields() - 1);
    looked_through += length;
    looked_at += length;
  }
  return Look::whole;
}

// The first line of data[0, size) with its line end, or all of it.
std::size_t Scanner::Impl::line_size(const char* data, std::size_t size) const noexcept {
  const bool cr = known_line_ends() == LineEnds::cr;
  for (std::size_t i = 0; i < size; i++) {
    if (data[i] == '\n') return i + 1;
    if (cr && data[i] == '\r') return i + 1 < size && data[i + 1] == '\n' ? i + 2 : i + 1;
  }
  return size;
}

// Ends the record with what was looked through, the last bytes of which are a line end, and goes on reading behind it.
// It is a reject, its fault is what reading it alone shows; but one line that is a record with bare fields is that.
Scanner::Impl::Look Scanner::Impl::cut_off(const char* record, const char* at) {
  const std::size_t size = looked_through;
  if (bare_column >= 0 && one_line_looked_through() && is_record(record, size, part_machine.quote_at()) &&
      !line_machine.faulty()) {
    if (!put(line_machine, record, in_machine ? carried.data() : nullptr)) return Look::full;
    bare_records++;
  } else {
    part_machine.give_up();
    const std::uint64_t raw_size = size - part_machine.line_end_size();
    rejects.push_back({record_line, record_offset, part_machine.reason(), part_machine.fault_column(), 0,
                       std::string_view(record, static_cast<std::size_t>(std::min(raw_size, rules.reject_bytes))),
                       raw_size});
  }
  line_ends = known_line_ends();
  line = part_machine.line_after();
  if (!in_machine) {
    cursor = record + size;
    return Look::cut;
  }
  in_machine = ended = false;
  if (in_held) {  // and so began the record
    begin_held(held.data() + (record_offset - held_offset) + size);
    return Look::cut;
  }
  // What was read of the record is held now; the rest of the piece waits.
  waiting_size = static_cast<std::size_t>(piece_end - at);
  waiting = at;
  held.swap(carried);
  carried.set_size(0);
  held_offset = record_offset;
  begin_held(held.data() + size);
  return Look::cut;
}

// The input has ended inside quotes that are out of order: the record is no reject if it is one line with bare fields.
bool Scanner::Impl::end_with_bare_line() {
  if (too_long() || line_size(carried.data(), carried.size()) < carried.size()) return false;
  if (!is_record(carried.data(), carried.size(), machine.quote_at()) || line_machine.faulty()) return false;
  put(line_machine, carried.data(), carried.data());  // nothing else is in the batch, so there is room
  bare_records++;
  return true;
}

Step Scanner::Impl::read_end(bool header) {
  if (!in_machine) return Step::end;
  RecordMachine::Found found = looking ? looking_at : machine.finish(line_ends);
  ended = true;
  if (look_through(found, cursor, header) == Look::cut) return Step::batch;  // it fits, as nothing else is in the batch
  if (looking) return Step::call_again;
  if (machine.unterminated() && rules.lenient && machine.broken()) {
    if (header || !end_with_bare_line()) {
      machine.give_up();
      found = RecordMachine::Found::record;
    }
  } else if (machine.unterminated()) {
    error = Reason::unclosed_quote;
    error_line = machine.quote_line();
    error_offset = record_offset;
    return Step::failed;
  }
  // Nothing else is in the batch, so there is room.
  if (found == RecordMachine::Found::record) emit(cursor, header);
  end_record(cursor);
  return batch_empty() ? Step::end : Step::batch;
}

// A long record is given room for the longest at once. What it does not fill costs nothing, whereas growing step by
// step holds it twice, and leaves blocks behind that the allocator keeps.
void Scanner::Impl::make_carrying_room(std::size_t size) {
  constexpr std::uint64_t most_at_once = 64u << 20;
  if (carried.size() + size > long_bytes)
    carried.reserve(static_cast<std::size_t>(std::min(rules.record_bytes, most_at_once)));
}

void Scanner::Impl::carry_on(const char* data, std::size_t size) {
  // Of a reject no more is needed, but that it may have to be looked through for other records.
  if (!too_long()) {
    make_carrying_room(size);
    carried.append(data, size);
    return;
  }
  const auto most = static_cast<std::size_t>(rules.reject_bytes);
  if (carried.size() > most) {
    carried.shrink(most);
  } else {
    carried.append(data, std::min(size, most - carried.size()));
  }
}

bool Scanner::Impl::emit(const char* rest, bool header) {
  bool bad = machine.faulty();
  Reason reason = bad ? machine.reason() : Reason::field_count;
  std::int32_t column = bad ? machine.fault_column() : -1;
  std::uint32_t found = 0;
  if (!bad && (header ? machine.fields() > most_header_fields : machine.fields() != columns)) {
    bad = true;
    found = static_cast<std::uint32_t>(std::min<std::uint64_t>(machine.fields(), UINT32_MAX));
  }
  if (!bad && bare_column >= 0) {  // it may have swallowed others
    bad = true;
    reason = Reason::unterminated_quote;
    column = bare_column;
  }
  const std::uint64_t size = machine.size() - (machine.unterminated() ? machine.line_end_size() : 0);
  const auto kept = static_cast<std::size_t>(bad ? std::min(size, rules.reject_bytes) : size);
  const char* raw = rest;
  if (in_machine) {
    if (carried.size() < kept) {
      make_carrying_room(kept - carried.size());
      carried.append(rest, kept - carried.size());
    }
    raw = carried.data();
  }
  if (bad) {
    rejects.push_back({record_line, record_offset, reason, column, found, std::string_view(raw, kept), size});
    return true;
  }
  if (!put(machine, raw, in_machine && !header ? carried.data() : nullptr)) return false;
  long_record = in_machine && !header && size >= long_bytes;
  return true;
}

bool Scanner::Impl::put(const RecordMachine& by, const char* raw, char* own) {
  const auto size = static_cast<std::size_t>(by.size());
  // A long record's values are not copied: they take the place of its bytes, of which only what a reject keeps is
  // copied before.
  const bool in_place = own != nullptr && by.copied_bytes() > Arena::block_bytes;
  const std::uint64_t copied = in_place ? std::min<std::uint64_t>(size, rules.reject_bytes) : by.copied_bytes();
  if (copied > arena.room()) {
    if (!batch_empty()) return false;
    arena.make_room(copied);
  }
  const auto count = static_cast<std::size_t>(by.fields());
  fields.reserve(fields.size() + count);
  const char* shown = raw;
  if (in_place) {
    char* copy = arena.take(static_cast<std::size_t>(copied));
    std::memcpy(copy, raw, static_cast<std::size_t>(copied));
    shown = copy;
  }
  split_fields(rules, raw, size, fields.data() + fields.size(), count, arena, in_place ? own : nullptr, by.bare_from());
  records.push_back({record_line, record_offset, shown, static_cast<std::uint32_t>(size),
                     static_cast<std::uint32_t>(in_place ? copied : size)});
  fields.set_size(fields.size() + count);
  return true;
}

void Scanner::release_record() {
  if (!impl_->in_machine) impl_->carried.release();
}

Scanner::Scanner(const Dialect& dialect, const Limits& limits, std::pmr::memory_resource* memory) {
  void* place = memory->allocate(sizeof(Impl), alignof(Impl));
  try {
    impl_ = new (place) Impl(dialect, limits, memory);
  } catch (...) {
    memory->deallocate(place, sizeof(Impl), alignof(Impl));
    throw;
  }
}

Scanner::~Scanner() {
  std::pmr::memory_resource* memory = impl_->memory;
  impl_->~Impl();
  memory->deallocate(impl_, sizeof(Impl), alignof(Impl));
}

void Scanner::feed(const char* data, std::size_t size) {
  impl_->waiting = data;
  impl_->waiting_size = size;
}

void Scanner::finish() { impl_->finished = true; }

Step Scanner::read_header(Batch& out) { return impl_->read(out, 1, true); }

void Scanner::set_columns(std::uint32_t columns) { impl_->columns = columns; }

Step Scanner::next(Batch& out, std::size_t max_records) { return impl_->read(out, max_records, false); }

Reason Scanner::file_error() const noexcept { return impl_->error; }
std::uint64_t Scanner::error_line() const noexcept { return impl_->error_line; }
std::uint64_t Scanner::error_offset() const noexcept { return impl_->error_offset; }
std::uint64_t Scanner::bare_records() const noexcept { return impl_->bare_records; }
std::uint64_t Scanner::bytes_consumed() const noexcept {
  return impl_->piece == nullptr ? 0 : impl_->offset_of(impl_->cursor);
}

}  // namespace dap::csv
