#include "csv_support.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace dap::csv::test {

std::string show(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    const auto c = static_cast<unsigned char>(byte);
    if (c >= 0x20 && c < 0x7F && c != '\\') {
      text += byte;
    } else {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02X", c);
      text += hex;
    }
  }
  return text;
}

namespace {

std::string show(const Row& row) {
  std::string text = std::to_string(row.line) + "@" + std::to_string(row.offset) + " raw[" + test::show(row.raw) + "]";
  for (const Value& value : row.values) text += value ? " [" + test::show(*value) + "]" : " NULL";
  return text + "\n";
}

class Reader {
 public:
  Reader(std::string_view file, const Options& options, const Feeding& feeding, std::pmr::memory_resource* memory)
      : rest_(file), feeding_(feeding), scanner_(options.dialect, options.limits, memory) {
    if (feeding_.chunks.empty()) feeding_.chunks.push_back(std::max<std::size_t>(file.size(), 1));
  }

  void feed() {
    const std::size_t size = std::min(rest_.size(), feeding_.chunks[turn_++ % feeding_.chunks.size()]);
    if (chunk_ && chunk_size_ > 0) std::memset(chunk_.get(), '#', chunk_size_);
    if (rest_.empty()) {
      scanner_.finish();
      return;
    }
    chunk_.reset(new char[size]);
    chunk_size_ = size;
    if (size > 0) std::memcpy(chunk_.get(), rest_.data(), size);
    scanner_.feed(chunk_.get(), size);
    rest_.remove_prefix(size);
    if (rest_.empty() && feeding_.finish_early) scanner_.finish();
  }

  template <typename Pull>
  Step pull(Pull pull) {
    for (;;) {
      const Step step = pull(scanner_);
      if (step == Step::call_again) continue;
      if (step != Step::need_input) return step;
      feed();
    }
  }

 private:
  std::string_view rest_;
  Feeding feeding_;
  Scanner scanner_;
  std::unique_ptr<char[]> chunk_;
  std::size_t chunk_size_ = 0;
  std::size_t turn_ = 0;
};

Row row_of(const RecordPlace& place, const Field* fields, std::size_t count) {
  Row row{place.line, place.offset, std::string(place.raw, place.raw_kept), {}};
  for (std::size_t k = 0; k < count; k++) {
    if (fields[k].is_null) {
      if (fields[k].size != 0) std::abort();
      row.values.push_back(std::nullopt);
    } else {
      row.values.emplace_back(std::in_place, fields[k].data, fields[k].size);
    }
  }
  return row;
}

void add_rejects(const Batch& batch, Outcome& outcome) {
  for (const Reject& r : batch.rejects)
    outcome.bad.push_back(
        {r.line, r.offset, reason_code(r.reason), r.column, r.fields_found, std::string(r.raw), r.raw_size});
}

}  // namespace

std::string show(const Outcome& outcome) {
  std::string text;
  if (outcome.header) text += "header " + show(*outcome.header);
  for (const Row& row : outcome.rows) text += "row " + show(row);
  for (const Bad& bad : outcome.bad)
    text += "bad " + std::to_string(bad.line) + "@" + std::to_string(bad.offset) + " " + bad.reason + " column " +
            std::to_string(bad.column) + " fields " + std::to_string(bad.fields_found) + " raw[" + show(bad.raw) +
            "] of " + std::to_string(bad.raw_size) + "\n";
  if (outcome.error != Reason::none)
    text += "error " + std::to_string(static_cast<int>(outcome.error)) + " line " + std::to_string(outcome.error_line) +
            " offset " + std::to_string(outcome.error_offset) + "\n";
  return text;
}

Outcome scan(std::string_view file, const Options& options, const Feeding& feeding, std::pmr::memory_resource* memory) {
  Outcome outcome;
  std::uint32_t columns = options.columns;
  Scanner* last = nullptr;
  Reader reader(file, options, feeding, memory);
  Step step = Step::batch;
  Batch batch;
  if (options.header) {
    step = reader.pull([&](Scanner& s) { return last = &s, s.read_header(batch); });
    if (step == Step::batch) {
      if (batch.records.size() + batch.rejects.size() != 1) std::abort();
      add_rejects(batch, outcome);
      if (batch.records.empty()) return outcome;
      outcome.header = row_of(batch.records[0], batch.fields.data(), batch.fields.size());
      columns = static_cast<std::uint32_t>(batch.fields.size());
    }
  }
  if (step == Step::batch) {
    reader.pull([&](Scanner& s) { return s.set_columns(columns), Step::batch; });
    for (;;) {
      step = reader.pull([&](Scanner& s) { return last = &s, s.next(batch, feeding.max_records); });
      if (step != Step::batch) break;
      if (batch.records.empty() && batch.rejects.empty()) std::abort();
      if (batch.records.size() > feeding.max_records) std::abort();
      if (batch.fields.size() != batch.records.size() * columns) std::abort();
      for (std::size_t k = 0; k < batch.records.size(); k++)
        outcome.rows.push_back(row_of(batch.records[k], batch.fields.data() + k * columns, columns));
      add_rejects(batch, outcome);
    }
  }
  outcome.error = last->file_error();
  if ((step == Step::failed) != (outcome.error != Reason::none)) std::abort();
  if (step == Step::failed) {
    outcome.error_line = last->error_line();
    outcome.error_offset = last->error_offset();
  } else if (last->bytes_consumed() != file.size()) {
    std::abort();
  }
  return outcome;
}

}  // namespace dap::csv::test
