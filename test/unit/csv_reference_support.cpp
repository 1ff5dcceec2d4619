#include "csv_reference_support.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace dap::csv::test {
namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

// The order of faults that the same byte shows.
enum Rank { encoding, nul, structure, too_long_field, too_long_record };

struct Fault {
  std::size_t at;  // the byte that shows it
  Rank rank;
  std::string reason;
  std::int32_t column;
  bool operator<(const Fault& other) const { return std::tie(at, rank) < std::tie(other.at, other.rank); }
};

enum class Mode { undecided, lf, cr };

struct Record {
  std::size_t begin = 0;
  std::size_t end = 0;    // of its bytes
  std::size_t after = 0;  // after its line end
  bool ended_by_cr = false;
  bool ended_by_file = false;
  std::vector<Value> values;
  std::vector<Fault> faults;
  std::size_t open_quote = none;   // set if the file ends inside quotes
  std::size_t broken = none;       // the byte that shows that a quote stands where none may
  std::size_t wide = none;         // the delimiter that gives a lenient record more fields than there must be
  std::vector<std::size_t> lines;  // where a line begins inside quotes
};

// The first sequence that is no UTF-8 character: where it begins, and the byte that shows it (size: the end).
struct Broken {
  std::size_t begin;
  std::size_t at;
};

std::optional<Broken> first_broken(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    std::size_t length = 0;
    if (c < 0x80) length = 1;
    else if (c >= 0xC2 && c <= 0xDF) length = 2;
    else if (c >= 0xE0 && c <= 0xEF) length = 3;
    else if (c >= 0xF0 && c <= 0xF4) length = 4;
    else return Broken{i, i};
    for (std::size_t k = 1; k < length; k++) {
      if (i + k == text.size()) return Broken{i, i + k};
      const auto d = static_cast<unsigned char>(text[i + k]);
      bool good = d >= 0x80 && d <= 0xBF;
      if (k == 1) {
        if (c == 0xE0) good = good && d >= 0xA0;
        if (c == 0xED) good = good && d <= 0x9F;
        if (c == 0xF0) good = good && d >= 0x90;
        if (c == 0xF4) good = good && d <= 0x8F;
      }
      if (!good) return Broken{i, i + k};
    }
    i += length;
  }
  return std::nullopt;
}

class Parser {
 public:
  Parser(std::string_view file, const Options& options) : file_(file), o_(options) {}

  Outcome parse() {
    Outcome outcome;
    std::size_t i = file_.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0;
    bool want_header = o_.header;
    columns_ = o_.columns;
    while (i < file_.size()) {
      const Record record = record_at(i);
      const bool may_go_on = o_.goes_on && (record.open_quote != none || record.ended_by_file ||
                                            (record.ended_by_cr && record.after == file_.size()));
      bool small = false;
      const std::size_t end = cut(record, want_header, !may_go_on, small);
      if (may_go_on && end == none) return outcome;
      if (end != none) {
        const bool one_line = !want_header && small && (record.lines.empty() || end <= record.lines[0]);
        if (std::optional<Row> row = one_line ? bare_row(i, end) : std::nullopt)
          outcome.rows.push_back(std::move(*row));
        else outcome.bad.push_back(cut_reject(i, end));
        if (want_header && !o_.good_header) return outcome;
        if (mode_ == Mode::undecided) mode_ = Mode::lf;
        i = end;
        continue;
      }
      if (record.open_quote != none) {
        outcome.error = Reason::unclosed_quote;
        outcome.error_line = line_of(record.open_quote);
        outcome.error_offset = record.begin;
        return outcome;
      }
      i = record.after;
      const std::int32_t bare_column = want_header ? -1 : first_bare(record);
      const bool empty = record.begin == record.end;
      if (empty && (want_header || columns_ != 1)) {
        if (mode_ == Mode::undecided && record.ended_by_cr) early_cr_lines_++;
        continue;
      }
      if (mode_ == Mode::undecided && !record.ended_by_file) {
        mode_ = record.ended_by_cr ? Mode::cr : Mode::lf;
        if (mode_ == Mode::cr) early_cr_lines_ = 0;  // line_of() counts them now
      }
      const std::string raw(file_.substr(record.begin, record.end - record.begin));
      std::vector<Fault> faults = record.faults;
      if (faults.empty() && !want_header && record.values.size() != columns_)
        faults.push_back({0, encoding, "field_count", -1});
      if (faults.empty() && bare_column >= 0) faults.push_back({0, structure, "unterminated_quote", bare_column});
      if (!faults.empty()) {
        const Fault& first = *std::min_element(faults.begin(), faults.end());
        outcome.bad.push_back({line_of(record.begin), record.begin, first.reason, first.column,
                               first.reason == "field_count" ? static_cast<std::uint32_t>(record.values.size()) : 0,
                               raw.substr(0, o_.limits.reject_bytes), raw.size()});
        if (want_header && !o_.good_header) return outcome;
      } else if (want_header) {
        outcome.header = Row{line_of(record.begin), record.begin, raw, record.values};
        columns_ = record.values.size();
        want_header = false;
      } else {
        outcome.rows.push_back({line_of(record.begin), record.begin, raw, record.values});
      }
    }
    return outcome;
  }

 private:
  // Where a record ends that its quotes do not end: before a line that stands whole, or given up. none: it ends as it
  // says. `within`: not for its size.
  std::size_t cut(const Record& record, bool header, bool ended, bool& within) const {
    const bool open = record.open_quote != none;
    const bool broken = record.broken != none;
    const std::size_t last = open ? file_.size() : record.after;
    // Not beyond the limits, by what was read before `end`
    const auto small = [&](std::size_t size, std::size_t end) {
      const auto first = std::min_element(record.faults.begin(), record.faults.end());
      return size <= o_.limits.record_bytes &&
             (first == record.faults.end() || first->at >= end || first->reason != "field_too_long");
    };
    // It is looked at whenever a line has ended since it is known to be broken, and at its end.
    const std::size_t since = header ? record.broken : std::min(record.broken, record.wide);
    for (const std::size_t at : record.lines) {
      if (since == none || at <= since || (at == file_.size() && file_[at - 1] == '\r')) continue;
      if (header || !small(at - record.begin, at)) return at;
      if (const std::size_t whole = first_whole(record, at); whole != none) {
        within = true;
        return whole;
      }
    }
    if (!ended) return none;
    within = small((open ? last : record.end) - record.begin, none);
    const bool width = o_.dialect.lenient && (record.wide != none || (!open && record.values.size() != columns_));
    if (!header && (broken || width) && within)
      if (const std::size_t whole = first_whole(record, last); whole != none) return whole;
    return open && broken && o_.dialect.lenient ? last : none;
  }

  // The first line of the record, but for the one that it begins with, that ends at `end` or before and stands whole.
  std::size_t first_whole(const Record& record, std::size_t end) const {
    for (std::size_t k = 0; k < record.lines.size() && record.lines[k] < end; k++) {
      const std::size_t begin = record.lines[k];
      const std::size_t next = k + 1 < record.lines.size() ? std::min(record.lines[k + 1], end) : end;
      const std::string_view text = without_line_end(file_.substr(begin, next - begin));
      Parser alone(text, o_);
      alone.mode_ = known_mode();
      const Record line = alone.record_at(0);
      if (!text.empty() && line.open_quote == none && line.after == text.size() && line.values.size() == columns_ &&
          (o_.dialect.lenient || line.broken == none))
        return begin;
      if (k == 0 && bare_line(record.begin, begin) && bare_line(begin, next)) return begin;
    }
    return none;
  }

  // The line by itself, if it has as many fields as there must be when some of them are bare.
  std::optional<Record> bare_line(std::size_t begin, std::size_t end) const {
    const std::string_view text = without_line_end(file_.substr(begin, end - begin));
    Parser alone(text, o_);
    alone.mode_ = known_mode();
    if (!o_.dialect.lenient || alone.record_at(0).open_quote == none) return std::nullopt;
    alone.alone_ = true;
    const Record record = alone.record_at(0);
    if (record.open_quote != none || record.after != text.size() || record.values.size() != columns_)
      return std::nullopt;
    return record;
  }

  // The column of the first bare field, if the first line of a record of several is a record with bare fields; else -1.
  std::int32_t first_bare(const Record& record) const {
    if (record.lines.empty() || !bare_line(record.begin, record.lines[0])) return -1;
    Parser alone(file_.substr(record.begin, record.lines[0] - record.begin), o_);
    alone.mode_ = known_mode();
    return static_cast<std::int32_t>(alone.record_at(0).values.size());
  }

  std::optional<Row> bare_row(std::size_t begin, std::size_t end) const {
    const std::optional<Record> record = bare_line(begin, end);
    if (!record || !record->faults.empty()) return std::nullopt;
    return Row{line_of(begin), begin, std::string(without_line_end(file_.substr(begin, end - begin))), record->values};
  }

  Bad cut_reject(std::size_t begin, std::size_t end) const {
    const std::string_view text = file_.substr(begin, end - begin);
    Parser alone(text, o_);
    alone.mode_ = known_mode();
    const Record record = alone.record_at(0);
    const std::string raw(without_line_end(text));
    Bad bad{line_of(begin),
            begin,
            "unterminated_quote",
            static_cast<std::int32_t>(record.values.size()),
            0,
            raw.substr(0, o_.limits.reject_bytes),
            raw.size()};
    if (!record.faults.empty()) {
      const Fault& first = *std::min_element(record.faults.begin(), record.faults.end());
      bad.reason = first.reason;
      bad.column = first.column;
    }
    return bad;
  }

  Mode known_mode() const { return mode_ == Mode::undecided ? Mode::lf : mode_; }

  std::string_view without_line_end(std::string_view text) const {
    if (text.ends_with("\r\n")) text.remove_suffix(2);
    else if (text.ends_with('\n') || (text.ends_with('\r') && mode_ == Mode::cr)) text.remove_suffix(1);
    return text;
  }

  std::uint64_t line_of(std::size_t at) const {
    std::uint64_t line = 1 + early_cr_lines_;
    for (std::size_t i = 0; i < at; i++) {
      if (file_[i] == '\n') line++;
      if (file_[i] == '\r' && mode_ == Mode::cr && !(i + 1 < file_.size() && file_[i + 1] == '\n')) line++;
    }
    return line;
  }

  bool is(std::size_t i, char c) const { return i < file_.size() && file_[i] == c; }
  bool is_quote(std::size_t i) const { return o_.dialect.quote != 0 && is(i, o_.dialect.quote); }
  bool is_delimiter(std::size_t i) const { return is(i, o_.dialect.delimiter); }

  // Length of the line end at `i`, 0 if there is none.
  std::size_t line_end(std::size_t i) const {
    if (is(i, '\n')) return 1;
    if (is(i, '\r') && is(i + 1, '\n')) return 2;
    return is(i, '\r') && mode_ != Mode::lf ? 1 : 0;
  }
  bool field_ends(std::size_t i) const { return i == file_.size() || is_delimiter(i) || line_end(i) > 0; }

  // Whether file_[i] takes the next byte literally, inside quotes.
  bool escapes(std::size_t i) const {
    if (o_.dialect.escape == 0 || o_.dialect.escape == o_.dialect.quote) return is_quote(i) && is_quote(i + 1);
    return is(i, o_.dialect.escape) && (is_quote(i + 1) || is(i + 1, o_.dialect.escape));
  }

  // Where the bare field ends that opens with the quote at `open` of a line that is read by itself; none: nothing is
  // bare.
  std::size_t bare_end(std::size_t open) const {
    if (!alone_) return none;
    const bool doubled = o_.dialect.escape == 0 || o_.dialect.escape == o_.dialect.quote;
    bool data = false, data_in_field = false, in_field = true;
    for (std::size_t i = open + 1; i < file_.size(); i++) {
      in_field = in_field && !is_delimiter(i) && !is(i, '\r');
      if (escapes(i)) {
        if (doubled && data && field_ends(i + 2)) return none;  // the value ends
        i++;
      } else if (is_quote(i)) {
        if (field_ends(i + 1)) return none;
        data = true;
        data_in_field = data_in_field || in_field;
      }
    }
    return data_in_field ? std::min(file_.find(o_.dialect.delimiter, open), file_.size()) : none;
  }

  Record record_at(std::size_t begin) const {
    Record record;
    record.begin = begin;
    std::vector<std::size_t> field_begins;
    std::size_t i = begin;
    for (;;) {
      field_begins.push_back(i);
      const auto column = static_cast<std::int32_t>(record.values.size());
      std::string value;
      const auto add = [&](char c, std::size_t at) {
        value += c;
        if (value.size() == o_.limits.field_bytes + 1)
          record.faults.push_back({at, too_long_field, "field_too_long", column});
      };
      const auto breaks = [&](std::size_t at) { record.broken = std::min(record.broken, at); };
      const std::size_t bare = is_quote(i) ? bare_end(i) : none;
      const bool quoted = is_quote(i) && bare == none;
      if (quoted) {
        const std::size_t open = i++;
        bool data = false;  // a lenient dialect's value has a quote that is data
        for (;;) {
          if (i >= file_.size()) {
            record.open_quote = open;
            break;
          }
          const bool doubled = o_.dialect.escape == 0 || o_.dialect.escape == o_.dialect.quote;
          const bool closes = is_quote(i) && (!o_.dialect.lenient || field_ends(i + 1));
          // The last two quotes of a value whose other quotes are not doubled
          const bool data_and_closing = data && doubled && is_quote(i) && is_quote(i + 1) && field_ends(i + 2);
          if (data_and_closing) {
            add(file_[i], i + 2);
            i += 2;
            break;
          } else if (escapes(i)) {
            // that it is not the above is known by the byte after it
            add(file_[i + 1], data && doubled ? i + 2 : i + 1);
            i += 2;
          } else if (closes) {
            i++;
            break;
          } else if (is_quote(i)) {
            data = true;
            breaks(i + 1);
            add(file_[i], i + 1);
            i++;
          } else {
            // An escape is known to stand for itself by the byte after it.
            add(file_[i], o_.dialect.escape != 0 && o_.dialect.escape != o_.dialect.quote && is(i, o_.dialect.escape)
                              ? i + 1
                              : i);
            if (is(i, '\n') || (is(i, '\r') && mode_ == Mode::cr && !is(i + 1, '\n'))) record.lines.push_back(i + 1);
            i++;
          }
        }
        if (record.open_quote != none) break;
        if (!field_ends(i)) {
          record.faults.push_back({i, structure, is(i, '\r') ? "bare_cr" : "text_after_quote", column});
          breaks(i);
        }
      }
      for (; !field_ends(i); i++) {
        if (is(i, '\r')) record.faults.push_back({i, structure, "bare_cr", column});
        if (!quoted && is_quote(i) && !o_.dialect.lenient) {
          record.faults.push_back({i, structure, "quote_in_field", column});
          breaks(i);
        }
        add(file_[i], i);
      }
      record.values.push_back(!quoted && value == o_.dialect.null_text ? Value() : Value(value));
      if (!is_delimiter(i)) break;
      if (o_.dialect.lenient && record.values.size() >= columns_) record.wide = std::min(record.wide, i);
      i++;
    }
    record.end = std::min(i, file_.size());
    const std::size_t length = line_end(i);
    record.after = i + length;
    record.ended_by_file = length == 0;
    record.ended_by_cr = length == 1 && is(i, '\r');

    const auto column_of = [&](std::size_t at) {
      return static_cast<std::int32_t>(std::upper_bound(field_begins.begin(), field_begins.end(), at) -
                                       field_begins.begin() - 1);
    };
    const std::string_view raw = file_.substr(begin, record.end - begin);
    if (const std::size_t at = raw.find('\0'); at != raw.npos)
      record.faults.push_back({begin + at, nul, "nul_byte", column_of(begin + at)});
    if (raw.size() > o_.limits.record_bytes)
      record.faults.push_back(
          {begin + static_cast<std::size_t>(o_.limits.record_bytes), too_long_record, "record_too_long", -1});
    if (const auto broken = first_broken(raw); o_.dialect.validate_utf8 && broken)
      record.faults.push_back({begin + broken->at, encoding, "invalid_encoding", column_of(begin + broken->begin)});
    return record;
  }

  std::string_view file_;
  const Options& o_;
  std::uint64_t columns_ = 0;
  Mode mode_ = Mode::undecided;
  bool alone_ = false;                // the file is a line of another one, in which fields may be bare
  std::uint64_t early_cr_lines_ = 0;  // empty lines that a CR ended before the first record, which then ended with LF
};

}  // namespace

Outcome reference(std::string_view file, const Options& options) { return Parser(file, options).parse(); }

}  // namespace dap::csv::test
