#include "engine/csv/scanner.h"

#include <cstring>
#include <new>

#include "engine/csv/scanner_impl.h"

namespace dap::csv {

const char* reason_code(Reason reason) noexcept {
  switch (reason) {
    case Reason::field_count: return "field_count";
    case Reason::invalid_encoding: return "invalid_encoding";
    case Reason::nul_byte: return "nul_byte";
    case Reason::quote_in_field: return "quote_in_field";
    case Reason::text_after_quote: return "text_after_quote";
    case Reason::bare_cr: return "bare_cr";
    case Reason::field_too_long: return "field_too_long";
    case Reason::record_too_long: return "record_too_long";
    case Reason::untranslatable_character: return "untranslatable_character";
    case Reason::row_too_big: return "row_too_big";
  }
  return "unknown";
}

Scanner::Impl::Impl(const Dialect& dialect, const Limits& limits, std::pmr::memory_resource* memory_)
    : memory(memory_),
      rules(dialect, limits, memory_),
      machine(rules),
      index(rules, memory_),
      carried(memory_),
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
  index.begin(data, end);
}

Step Scanner::Impl::read(Batch& out, std::size_t max_records, bool header) {
  out = Batch{};
  begin_batch();
  if (error != FileError::none) return Step::failed;
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
    if (cursor == piece_end) {
      if (!batch_empty()) return Step::batch;
      if (waiting_size > 0) {
        begin_piece(waiting, waiting + waiting_size);
        waiting_size = 0;
        continue;
      }
      return finished ? read_end(header) : Step::need_input;
    }
    // The fast path knows how lines end and how many fields there must be.
    if (!in_machine && !header && line_ends != LineEnds::undecided) {
      if (read_fast(max_records) == Stop::full) return Step::batch;
      if (cursor == piece_end) continue;
    }
    if (!read_slow(header)) return Step::batch;
  }
}

bool Scanner::Impl::read_slow(bool header) {
  if (!in_machine) {
    if (batch_empty()) carried.set_size(0);  // an empty line may have left its CR
    machine.start(line, !header && columns == 1);
    record_line = line;
    record_offset = offset_of(cursor);
  }
  const auto left = static_cast<std::size_t>(piece_end - cursor);
  RecordMachine::Found found;
  const std::size_t used = machine.read(cursor, left, line_ends, found);
  if (found == RecordMachine::Found::nothing) {
    // A record of this batch may lie in `carried`, so the batch goes out first and this record is begun again.
    if (!batch_empty()) return false;
    carry_on(cursor, used);
    in_machine = true;
    cursor = piece_end;
    return true;
  }
  if (found == RecordMachine::Found::record && !emit(cursor, header)) return false;
  in_machine = false;
  line = machine.line_after();
  cursor += used;
  return true;
}

Step Scanner::Impl::read_end(bool header) {
  if (!in_machine) return Step::end;
  const RecordMachine::Found found = machine.finish(line_ends);
  if (machine.unterminated()) {
    error = FileError::unterminated_quote;
    error_line = machine.quote_line();
    error_offset = record_offset;
    return Step::failed;
  }
  // Nothing else is in the batch, so there is room.
  if (found == RecordMachine::Found::record) emit(cursor, header);
  in_machine = false;
  line = machine.line_after();
  return batch_empty() ? Step::end : Step::batch;
}

// A long record is given room for the longest at once. What it does not fill costs nothing, whereas growing step by step holds it twice, and
// leaves blocks behind that the allocator keeps.
void Scanner::Impl::make_carrying_room(std::size_t size) {
  constexpr std::uint64_t most_at_once = 64u << 20;
  if (carried.size() + size > long_bytes) carried.reserve(static_cast<std::size_t>(std::min(rules.record_bytes, most_at_once)));
}

void Scanner::Impl::carry_on(const char* data, std::size_t size) {
  if (!machine.faulty()) {
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
  const std::uint64_t size = machine.size();
  // A long record's values are not copied: they take the place of its bytes, of which only what a reject keeps is copied before.
  const bool in_place = !bad && !header && in_machine && machine.copied_bytes() > Arena::block_bytes;
  const std::uint64_t copied = in_place ? std::min(size, rules.reject_bytes) : machine.copied_bytes();
  if (!bad && copied > arena.room()) {
    if (!batch_empty()) return false;
    arena.make_room(copied);
  }

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
  const auto count = static_cast<std::size_t>(machine.fields());
  fields.reserve(fields.size() + count);
  const char* shown = raw;
  if (in_place) {
    char* copy = arena.take(static_cast<std::size_t>(copied));
    std::memcpy(copy, raw, static_cast<std::size_t>(copied));
    shown = copy;
  }
  split_fields(rules, raw, kept, fields.data() + fields.size(), count, arena, in_place ? carried.data() : nullptr);
  records.push_back({record_line, record_offset, shown, static_cast<std::uint32_t>(kept), static_cast<std::uint32_t>(in_place ? copied : kept)});
  fields.set_size(fields.size() + count);
  long_record = in_machine && !header && size >= long_bytes;
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

FileError Scanner::file_error() const noexcept { return impl_->error; }
std::uint64_t Scanner::error_line() const noexcept { return impl_->error_line; }
std::uint64_t Scanner::error_offset() const noexcept { return impl_->error_offset; }
std::uint64_t Scanner::bytes_consumed() const noexcept {
  return impl_->piece == nullptr ? 0 : impl_->offset_of(impl_->cursor);
}

}  // namespace dap::csv
