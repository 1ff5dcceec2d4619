// The scanner's parts and how they share one record after another; see scanner.h for what it promises.
#pragma once

#include "engine/csv/field_splitter.h"
#include "engine/csv/record_machine.h"
#include "engine/csv/rules.h"
#include "engine/csv/scanner.h"
#include "engine/csv/structural_index.h"

namespace dap::csv {

// Two ways to read a record, with one outcome. The fast path walks the structural index and takes a record only if it
// lies whole in the piece of input at hand and is flawless. Whatever else there is (the first record, one that a
// chunk's edge cuts, a faulty one, a quote out of place) goes to RecordMachine, whose word is final.
struct Scanner::Impl {
  // A batch ends when one of these is reached.
  static constexpr std::size_t most_records = 16u << 10;
  static constexpr std::size_t most_fields = 64u << 10;
  // A header of more fields than any table could have is a reject of this many fields at most.
  static constexpr std::uint64_t most_header_fields = 65535;
  // From this size on a record's memory is given back after it.
  static constexpr std::size_t long_bytes = 1u << 20;
  // A byte order mark's.
  static constexpr std::size_t head_bytes = 3;

  enum class Stop : std::uint8_t {
    full,  // the batch is to be handed out
    hard,  // the record at the cursor is for RecordMachine
  };

  Impl(const Dialect& dialect, const Limits& limits, std::pmr::memory_resource* memory);

  Step read(Batch& out, std::size_t max_records, bool header);
  Step read_pieces(std::size_t max_records, bool header);
  void begin_batch();
  bool batch_empty() const noexcept { return records.size() == 0 && rejects.size() == 0; }
  bool batch_full(std::size_t max_records) const noexcept;

  // Looks at the file's first bytes: drops a BOM. Step::batch: go on.
  Step sniff();
  void begin_piece(const char* data, const char* end);

  Stop read_fast(std::size_t max_records);
  // Brings the record at the cursor forward by what the piece holds of it; false if the batch must be handed out first.
  bool read_slow(bool header);
  Step read_end(bool header);
  const char* held_end() const noexcept { return held.data() + held.size(); }
  void end_record(const char* at);

  LineEnds known_line_ends() const noexcept;
  bool too_long() const noexcept {
    return machine.size() > rules.record_bytes || (machine.faulty() && machine.reason() == Reason::field_too_long);
  }
  bool is_record(const char* data, std::size_t size, std::uint64_t bare_from) noexcept;
  bool stands_whole(const char* data, std::size_t size) noexcept;
  bool one_line_looked_through() const noexcept { return part_machine.line_after() == record_line + 1; }
  bool both_bare(const char* second, std::size_t second_size) noexcept;
  std::size_t line_size(const char* data, std::size_t size) const noexcept;
  // What look_through made of the record.
  enum class Look : std::uint8_t {
    whole,  // it ends where it says, or is not looked through yet
    cut,    // it has ended before
    full,   // it does not fit into the batch, which must be handed out first
  };
  Look look_through(RecordMachine::Found found, const char* at, bool header);
  Look cut_off(const char* record, const char* at);
  bool end_with_bare_line();
  void begin_held(const char* from);

  // Puts the record that the machine has ended, of which what is from `rest` on in the piece is not yet carried, into
  // the batch; false if there is no room.
  bool emit(const char* rest, bool header);
  // Puts the record at `raw`, which `by` has read and found without fault, into the batch; false if there is no room.
  // `own`: where it lies, if its values may take the place of its bytes.
  bool put(const RecordMachine& by, const char* raw, char* own);
  void carry_on(const char* data, std::size_t size);
  void make_carrying_room(std::size_t size);

  std::uint64_t offset_of(const char* p) const noexcept { return piece_offset + static_cast<std::uint64_t>(p - piece); }

  std::pmr::memory_resource* memory;
  Rules rules;
  RecordMachine machine;
  RecordMachine line_machine;  // reads a line of the record at hand by itself
  RecordMachine part_machine;  // has read the record up to that line
  StructuralIndex index;

  // Input: a piece is a chunk, or the first bytes where they came in chunks too small for a BOM, or a part of `held`,
  // or what was left of a chunk when a record was cut off.
  char head[head_bytes];
  std::size_t head_size = 0;
  bool sniffed = false;
  bool finished = false;
  const char* waiting = nullptr;  // the chunk fed, while it is not the piece yet
  std::size_t waiting_size = 0;
  const char* piece = nullptr;
  const char* piece_end = nullptr;
  const char* cursor = nullptr;
  std::uint64_t piece_offset = 0;

  LineEnds line_ends = LineEnds::undecided;
  std::uint64_t line = 1;
  std::uint32_t columns = 0;

  bool in_machine = false;  // the record at hand began in an earlier piece; its bytes so far are in `carried`
  std::uint64_t record_line = 1;
  std::uint64_t record_offset = 0;
  LineEnds record_line_ends = LineEnds::undecided;  // when it began
  // its bytes in which no line stands whole, which part_machine has read
  std::size_t looked_through = 0;
  // the first bare field of the record's first line, if that alone is a record with bare fields; else -1
  std::int32_t bare_column = -1;
  // it is not looked through to where it has come; `looking_at` is what is found there
  bool looking = false;
  RecordMachine::Found looking_at{};
  bool ended = false;  // the record at hand has come to the input's end
  Buffer<char> carried;
  Buffer<char> held;  // bytes of a record that was cut off, which are read again, in pieces
  std::uint64_t held_offset = 0;
  bool in_held = false;
  std::uint64_t bare_records = 0;
  bool long_record = false;  // the batch is one long record, whose memory can be given back with it

  Buffer<Field> fields;
  Buffer<RecordPlace> records;
  Buffer<Reject> rejects;
  Arena arena;

  Reason error = Reason::none;
  std::uint64_t error_line = 0;
  std::uint64_t error_offset = 0;
};

}  // namespace dap::csv
