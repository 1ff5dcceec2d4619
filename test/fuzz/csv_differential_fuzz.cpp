// One file, read whole with the scalar kernels, with those of another instruction set, and in many chunks: the same
// rows, rejects and errors. After the bytes that choose the dialect one says where in a block the file begins; one
// input of 64 is repeated until it fills more than one window of the scanner's index.
#include <string>

#include "engine/csv/scanner.h"
#include "engine/csv/structural_index.h"
#include "fuzz_support.h"

using namespace dap;
using namespace dap::fuzz;

namespace {

constexpr std::size_t most_bytes = 64u << 10;

RecyclingMemory memory;
ChunkPlace place(most_bytes);

// Everything that a scanner says, one thing after the other.
class Transcript {
 public:
  void clear() { text_.clear(); }
  void number(std::uint64_t n) { text_.append(reinterpret_cast<const char*>(&n), sizeof n); }
  void bytes(const char* data, std::size_t size) {
    number(size);
    text_.append(data, size);
  }
  bool operator==(const Transcript&) const = default;

 private:
  std::string text_;
};

// Row by row: where a batch ends depends on the chunks.
void add_rows(Transcript& out, const csv::Batch& batch, std::size_t columns, std::uint64_t reject_bytes) {
  require(batch.fields.size() == batch.records.size() * columns);
  const csv::Field* field = batch.fields.data();
  for (const csv::RecordPlace& record : batch.records) {
    out.number(record.line);
    out.number(record.offset);
    // Of a long record how much is kept depends on the chunks; never less than a reject keeps.
    const std::size_t sure = std::min<std::size_t>(record.raw_size, static_cast<std::size_t>(reject_bytes));
    require(record.raw_kept >= sure && record.raw_kept <= record.raw_size);
    out.number(record.raw_size);
    out.bytes(record.raw, sure);
    for (std::size_t k = 0; k < columns; k++, field++) {
      out.number(field->is_null);
      out.bytes(field->data, field->size);
    }
  }
}

void add_rejects(Transcript& out, const csv::Batch& batch) {
  for (const csv::Reject& reject : batch.rejects) {
    out.number(reject.line);
    out.number(reject.offset);
    out.number(static_cast<std::uint64_t>(reject.reason));
    out.number(static_cast<std::uint64_t>(reject.column));
    out.number(reject.fields_found);
    out.bytes(reject.raw.data(), reject.raw.size());
    out.number(reject.raw_size);
  }
}

struct Outcome {
  Transcript rows;
  Transcript rejects;
  bool operator==(const Outcome&) const = default;
};

void read(Outcome& outcome, std::string_view file, const csv::test::Options& options,
          const csv::test::Feeding& feeding) {
  outcome.rows.clear();
  outcome.rejects.clear();
  csv::Scanner scanner(options.dialect, options.limits, &memory);
  csv::Batch batch;
  std::size_t turn = 0;
  const auto pull = [&](auto step_of) {
    for (;;) {
      const csv::Step step = step_of();
      if (step == csv::Step::call_again) continue;
      if (step != csv::Step::need_input) return step;
      if (file.empty()) {
        scanner.finish();
        continue;
      }
      const std::size_t size =
          feeding.chunks.empty() ? file.size() : std::min(file.size(), feeding.chunks[turn++ % feeding.chunks.size()]);
      scanner.feed(place.put(file.data(), size), size);
      file.remove_prefix(size);
      if (file.empty() && feeding.finish_early) scanner.finish();
    }
  };
  std::size_t columns = options.columns;
  csv::Step step = csv::Step::batch;
  if (options.header) {
    step = pull([&] { return scanner.read_header(batch); });
    columns = batch.fields.size();
    add_rejects(outcome.rejects, batch);
    if (step == csv::Step::batch && batch.records.empty()) return;
    if (step == csv::Step::batch) add_rows(outcome.rows, batch, columns, options.limits.reject_bytes);
  }
  if (step == csv::Step::batch) {
    scanner.set_columns(static_cast<std::uint32_t>(columns));
    while ((step = pull([&] { return scanner.next(batch, feeding.max_records); })) == csv::Step::batch) {
      require(batch.records.size() <= feeding.max_records && !(batch.records.empty() && batch.rejects.empty()));
      add_rows(outcome.rows, batch, columns, options.limits.reject_bytes);
      add_rejects(outcome.rejects, batch);
    }
  }
  outcome.rejects.number(static_cast<std::uint64_t>(step));
  outcome.rejects.number(static_cast<std::uint64_t>(scanner.file_error()));
  outcome.rejects.number(scanner.error_line());
  outcome.rejects.number(scanner.error_offset());
  if (step == csv::Step::end) outcome.rejects.number(scanner.bytes_consumed());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < control_bytes + 1) return 0;
  static std::string file;
  static Outcome scalar, other;
  const Choice choice = choose(data);
  const std::uint8_t shape = data[control_bytes];
  const std::string_view body(reinterpret_cast<const char*>(data) + control_bytes + 1, size - control_bytes - 1);
  file.assign(shape & 0x3F, 'x');
  file += body;
  // Seldom, since it takes long; and not by a byte, or the fuzzer would find that such inputs reach most.
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < size; i++) sum = sum * 31 + data[i];
  if ((sum >> 8) % 64 == 0 && body.size() > 8)
    while (file.size() < csv::StructuralIndex::window_bytes + 2000) file += body;

  use_level(0);
  read(scalar, file, choice.options, {});
  use_level(choice.level);
  read(other, file, choice.options, {});
  require(other == scalar);
  use_level(choice.level + 1);
  csv::test::Feeding feeding = choice.feeding;
  if (file.size() > 2000)
    for (std::size_t& chunk : feeding.chunks) chunk *= 97;
  read(other, file, choice.options, feeding);
  require(other == scalar);
  return 0;
}
