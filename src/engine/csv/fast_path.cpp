// Records that lie whole in the piece of input and have no fault: one step per structural byte, values left where they
// are.
#include "engine/csv/scanner_impl.h"

namespace dap::csv {
namespace {

// Local copies of what every value needs, so that no store makes the compiler fetch it again.
struct Values {
  const char* null_text;
  std::size_t null_size;

  Field unquoted(const char* data, std::uint32_t size) const noexcept {
    if (size == null_size && (null_size == 0 || std::memcmp(data, null_text, null_size) == 0)) return {data, 0, true};
    return {data, size, false};
  }
};

}  // namespace

Scanner::Impl::Stop Scanner::Impl::read_fast(std::size_t max_records) {
  if (columns == 0) return Stop::hard;
  const std::size_t most = std::min(max_records, most_records);
  const std::size_t most_at_once = std::max<std::size_t>(most_fields / columns, 1);
  records.reserve(std::min(most, most_at_once) + 1);
  fields.reserve(std::min(most * columns, most_fields) + 2 * std::size_t{columns});

  index.seek(cursor);
  const int delimiter = rules.delimiter;
  const int quote = rules.quote;
  const int escape = rules.escape;
  const bool doubled = rules.doubled_quotes();
  const Values values{rules.null_text.data(), rules.null_text.size()};
  const bool cr = line_ends == LineEnds::cr;
  const std::uint64_t longest = std::min(rules.field_bytes, rules.record_bytes);

  const char* base = index.base();
  const char* const end = piece_end;
  const std::uint32_t* positions = index.positions();
  std::size_t count = index.count();
  std::size_t next = 0;                                 // first position of the current record
  auto at = static_cast<std::uint32_t>(cursor - base);  // the current record's first byte
  const char* valid_to = index.valid_to();
  std::uint64_t base_offset = offset_of(base);

  Field* const first_field = fields.data();
  Field* record_fields = first_field + fields.size();
  RecordPlace* place = records.data() + records.size();
  RecordPlace* const last_place = records.data() + std::min(most, records.capacity());
  const Field* const fields_end = first_field + std::max(most_fields, fields.size() + columns);
  Stop stop = Stop::full;

  while (place < last_place && record_fields + columns <= fields_end) {
    Field* field = record_fields;
    Field* const last_field = field + (columns - 1);
    std::size_t i = next;
    std::uint32_t start = at;  // of the current field
    std::uint32_t p;           // the structural byte at hand
    std::uint32_t after;       // the next record's first byte
    std::uint64_t lines = 1;
    std::size_t copied = 0;

    // Nearly every record: nothing but as many delimiters as there must be, and the line end.
    if (count - i >= columns) {
      while (field != last_field) {
        p = positions[i];
        if (static_cast<unsigned char>(base[p]) != delimiter) break;
        *field++ = values.unquoted(base + start, p - start);
        start = p + 1;
        i++;
      }
      if (field == last_field && base[p = positions[i]] == '\n') {
        *field = values.unquoted(base + start, p - start);
        i++;
        after = p + 1;
        goto ended;
      }
    }

    for (;;) {
      if (i == count) goto more;
      p = positions[i];
      int c = static_cast<unsigned char>(base[p]);
      if (c == delimiter) {
        if (field == last_field) goto hard;
        *field++ = values.unquoted(base + start, p - start);
        start = p + 1;
        i++;
        continue;
      }
      if (c == '\n' || c == '\r') {
        *field = values.unquoted(base + start, p - start);
      } else if (c == quote && p == start) {
        // A quoted value: on to its closing quote.
        const std::uint32_t inside = p + 1;
        bool escapes = false;
        i++;
        for (;;) {
          if (i == count) goto more;
          p = positions[i];
          c = static_cast<unsigned char>(base[p]);
          if (c == quote || c == escape) {
            if (base + p + 1 == end) goto hard;
            const int d = static_cast<unsigned char>(base[p + 1]);
            if (doubled ? d == quote : c == escape && (d == quote || d == escape)) {
              if (i + 1 == count) goto more;
              escapes = true;
              i += 2;
              continue;
            }
            if (c == quote) break;
          } else if (c == '\n') {
            lines += !(cr && base[p - 1] == '\r');  // that CR has been counted
          } else if (c == '\r') {
            lines += cr;
          } else if (c == 0) {
            goto hard;
          }
          i++;
        }
        std::uint32_t size = p - inside;
        const char* data = base + inside;
        if (escapes) {
          if (size > arena.room()) {
            if (place == records.data() && rejects.size() == 0) goto hard;
            arena.give_back(copied);
            goto done;
          }
          char* copy = arena.take(size);
          const auto length = static_cast<std::uint32_t>(unescape(rules, data, base + p, copy) - copy);
          arena.give_back(size - length);
          copied += length;
          data = copy;
          size = length;
        }
        *field = {data, size, false};
        // What follows must end the field.
        i++;
        p++;
        if (i == count) goto more;
        c = static_cast<unsigned char>(base[p]);
        if (c == delimiter) {
          if (field == last_field) goto hard;
          field++;
          start = p + 1;
          i++;
          continue;
        }
        if (c != '\n' && c != '\r') goto hard;
      } else if (c == 0 || (c == quote && !rules.lenient)) {
        goto hard;
      } else {
        i++;  // a quote or escape that is data
        continue;
      }

      // A line end, unless it is a CR that ends nothing.
      i++;
      after = p + 1;
      if (c == '\r') {
        if (base + after == end) goto hard;
        if (base[after] == '\n') {
          if (i == count) goto more;
          i++;
          after++;
        } else if (!cr) {
          goto hard;
        }
      }
      break;
    }

  ended:
    if (field != last_field) {
      if (p != at) goto hard;
      line++;  // an empty line
    } else {
      if (p - at > longest || base + p > valid_to) goto hard;
      *place++ = {line, base_offset + at, base + at, p - at, p - at};
      record_fields += columns;
      line += lines;
    }
    at = after;
    next = i;
    continue;

  more:
    arena.give_back(copied);
    if (!index.extend(base + at)) {
      stop = Stop::hard;
      break;
    }
    base_offset += at;
    base = index.base();
    at = 0;
    positions = index.positions();
    count = index.count();
    next = 0;
    valid_to = index.valid_to();
    continue;

  hard:
    arena.give_back(copied);
    stop = Stop::hard;
    break;
  }

done:
  cursor = base + at;
  records.set_size(static_cast<std::size_t>(place - records.data()));
  fields.set_size(static_cast<std::size_t>(record_fields - first_field));
  return stop;
}

}  // namespace dap::csv
