#include "engine/csv/survey.h"

#include <algorithm>
#include <cstring>

#include "engine/text/utf8.h"

namespace dap::csv {

void ByteSurvey::check_utf8(const char* data, std::size_t size) noexcept {
  // A character that began in the chunk before is completed first.
  text::Utf8Stream stream;
  for (std::size_t i = 0; i < tail_size_; i++) stream.push(tail_[i]);
  std::size_t at = 0;
  while (at < size && stream.inside()) {
    if (!stream.push(static_cast<unsigned char>(data[at]))) {
      utf8_ = false;
      return;
    }
    if (tail_size_ < sizeof(tail_)) tail_[tail_size_++] = static_cast<unsigned char>(data[at]);
    at++;
  }
  if (stream.inside()) return;  // still
  tail_size_ = 0;
  const std::size_t good = at + text::utf8_prefix(data + at, size - at);
  if (size - good >= sizeof(tail_)) {
    utf8_ = false;
    return;
  }
  for (std::size_t i = good; i < size; i++) {
    const auto byte = static_cast<unsigned char>(data[i]);
    if (!stream.push(byte)) {
      utf8_ = false;
      return;
    }
    tail_[tail_size_++] = byte;
  }
}

void ByteSurvey::add(const char* data, std::size_t size) noexcept {
  if (utf8_) check_utf8(data, size);
  for (std::size_t i = 0; i < size && bytes_ + i < sizeof(head_); i++)
    head_[bytes_ + i] = static_cast<unsigned char>(data[i]);
  bytes_ += size;
  bool quoted = quoted_, after_cr = after_cr_, nul = nul_, c1 = c1_, gaps = gaps_;
  for (std::size_t i = 0; i < size; i++) {
    const char c = data[i];
    if (static_cast<unsigned char>(c) >= 0x80) {
      const auto byte = static_cast<unsigned char>(c);
      c1 |= byte < 0xA0;
      gaps |= byte == 0x81 || byte == 0x8D || byte == 0x8F || byte == 0x90 || byte == 0x9D;
    } else if (c == '\n') {
      if (after_cr) crlf_++;
      else if (!quoted) lf_++;
    } else if (c == '\0') {
      nul = true;
    } else if (c == quote_) {
      quoted = !quoted;
    }
    if (after_cr && c != '\n') cr_++;
    after_cr = c == '\r' && !quoted;
  }
  quoted_ = quoted;
  after_cr_ = after_cr;
  nul_ = nul;
  c1_ = c1;
  gaps_ = gaps;
}

void ByteSurvey::finish() noexcept {
  if (after_cr_) cr_++;
  after_cr_ = false;
  if (tail_size_ > 0) utf8_ = false;
  bom_ = bytes_ >= 3 && head_[0] == 0xEF && head_[1] == 0xBB && head_[2] == 0xBF;
}

namespace {

Limits no_limits(std::size_t size) noexcept {
  Limits limits;
  limits.field_bytes = limits.record_bytes = size + 1;
  limits.reject_bytes = 0;
  return limits;
}

bool is_set(StopFlag stop) noexcept { return stop != nullptr && *stop != 0; }

// The next batch of a scanner that was fed the sample, or the step that ended it; Step::failed where the caller's flag
// is set.
template <typename Pull>
Step pull(Scanner& scanner, bool whole, bool& finished, StopFlag stop, Pull next) {
  for (;;) {
    if (is_set(stop)) return Step::failed;
    const Step step = next();
    if (step == Step::call_again) continue;
    if (step != Step::need_input || finished || !whole) return step;
    finished = true;
    scanner.finish();
  }
}

DelimiterScore score(const char* sample, std::size_t size, bool whole, const Dialect& dialect, StopFlag stop,
                     std::pmr::memory_resource* memory) {
  DelimiterScore result = {dialect.delimiter, 0, 0, 0};
  Scanner scanner(dialect, no_limits(size), memory);
  Batch batch;
  scanner.feed(sample, size);
  bool finished = false;
  do {
    if (pull(scanner, whole, finished, stop, [&] { return scanner.read_header(batch); }) != Step::batch) return result;
  } while (!batch.rejects.empty());
  result.fields = batch.fields.size();
  scanner.set_columns(static_cast<std::uint32_t>(result.fields));
  while (pull(scanner, whole, finished, stop, [&] { return scanner.next(batch, 1000); }) == Step::batch) {
    result.even += batch.records.size();
    for (const Reject& reject : batch.rejects) result.uneven += reject.reason == Reason::field_count;
  }
  return result;
}

bool better(const DelimiterScore& one, const DelimiterScore& other) noexcept {
  if (one.share() != other.share()) return one.share() > other.share();
  return one.fields > other.fields;
}

}  // namespace

DelimiterGuess guess_delimiter(const char* sample, std::size_t size, bool whole, const Dialect& dialect, StopFlag stop,
                               std::pmr::memory_resource* memory) {
  DelimiterGuess guess = {{}, -1, -1, false};
  for (int i = 0; i < common_delimiter_count; i++) {
    Dialect tried = dialect;
    tried.delimiter = common_delimiters[i];
    tried.lenient = true;  // what counts are the fields
    tried.validate_utf8 = false;
    if (tried.delimiter != tried.quote) guess.scores[i] = score(sample, size, whole, tried, stop, memory);
    guess.scores[i].delimiter = common_delimiters[i];
    if (guess.scores[i].fields < 2) continue;
    if (guess.best < 0 || better(guess.scores[i], guess.scores[guess.best])) guess.best = i;
  }
  for (int i = 0; i < common_delimiter_count; i++)
    if (guess.best >= 0 && i != guess.best && guess.scores[i].fields >= 2 &&
        guess.scores[i].share() >= guess.scores[guess.best].share())
      guess.rival = i;
  guess.stopped = is_set(stop);
  return guess;
}

namespace {

bool has_quoted(const char* record, std::size_t size, const Dialect& dialect) noexcept {
  for (std::size_t i = 0; i < size; i++)
    if (record[i] == dialect.quote && (i == 0 || record[i - 1] == dialect.delimiter)) return true;
  return false;
}

}  // namespace

QuoteUse quote_use(const char* sample, std::size_t size, bool whole, const Dialect& dialect, StopFlag stop) {
  QuoteUse use = {0, 0, false};
  Dialect strict = dialect;
  strict.lenient = false;
  strict.validate_utf8 = false;
  Limits limits = no_limits(size);
  limits.reject_bytes = size;
  Scanner scanner(strict, limits, std::pmr::new_delete_resource());
  Batch batch;
  scanner.feed(sample, size);
  bool finished = false;
  auto count = [&] {
    for (const RecordPlace& record : batch.records) use.quoted += has_quoted(record.raw, record.raw_kept, dialect);
    for (const Reject& reject : batch.rejects) {
      use.quoted += has_quoted(reject.raw.data(), reject.raw.size(), dialect);
      use.faults += reject.reason == Reason::quote_in_field || reject.reason == Reason::text_after_quote ||
                    reject.reason == Reason::unterminated_quote;
    }
  };
  Step step = pull(scanner, whole, finished, stop, [&] { return scanner.read_header(batch); });
  if (step == Step::batch) {
    count();
    scanner.set_columns(batch.records.empty() ? 1 : static_cast<std::uint32_t>(batch.fields.size()));
    while ((step = pull(scanner, whole, finished, stop, [&] { return scanner.next(batch, 1000); })) == Step::batch)
      count();
  }
  use.faults += step == Step::failed && scanner.file_error() == Reason::unclosed_quote;
  use.stopped = is_set(stop);
  return use;
}

}  // namespace dap::csv
