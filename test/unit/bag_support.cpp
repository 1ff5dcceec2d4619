#include "bag_support.h"

#include <algorithm>
#include <cstdio>
#include <memory>

namespace dap::bag::test {

namespace {

std::string decimal_text(const Decimal& value) {
  std::string before, behind;
  for (int i = 0; i <= value.weight || i < static_cast<int>(value.count); i++) {
    char four[8];
    std::snprintf(four, sizeof four, "%04u",
                  i < static_cast<int>(value.count) ? quantile::load16(value.digits + 2 * i) : 0U);
    (i <= value.weight ? before : behind) += four;
  }
  if (value.weight < -1) behind.insert(0, static_cast<std::size_t>(4 * (-1 - value.weight)), '0');
  before.erase(0, std::min(before.find_first_not_of('0'), before.size()));
  behind.erase(behind.find_last_not_of('0') + 1);
  return (value.sort == quantile::DecimalClass::negative ? "-" : "") + (before.empty() ? "0" : before) +
         (behind.empty() ? "" : "." + behind);
}

}  // namespace

Bytes written(Writer* writer) {
  Bytes bytes(end_bag(writer));
  copy_bag(*writer, bytes.data());
  return bytes;
}

Outcome combine(const Bytes& a, const Bytes& b, bool subtract, Bytes* result, unsigned step) {
  auto work = std::make_unique<Combination>();
  Outcome outcome =
      begin_combination(work.get(), a.data(), a.size(), b.data(), b.size(), subtract, std::pmr::new_delete_resource());
  std::size_t size = 0;
  while (outcome == Outcome::more) outcome = step_combination(work.get(), step, &size);
  if (outcome == Outcome::done) {
    result->resize(size);
    copy_bag(work->writer, result->data());
  }
  release_combination(work.get());
  return outcome;
}

bool accepted(const Bytes& bytes) {
  Bytes again;
  return combine(bytes, Bytes(empty_bag, empty_bag + sizeof empty_bag), false, &again) == Outcome::done &&
         again == bytes;
}

std::optional<Bytes> parse(std::string_view text, unsigned items) {
  TextReader reader;
  Bytes sum(empty_bag, empty_bag + sizeof empty_bag);
  open_text(&reader, text.data(), text.size());
  while (!reader.ended && reader.fault == TextFault::none) {
    Writer writer;
    begin_bag(&writer, 0, std::pmr::new_delete_resource());
    read_items(&reader, items, &writer);
    Outcome outcome = Outcome::damaged;
    if (reader.fault == TextFault::none) outcome = combine(sum, written(&writer), false, &sum);
    release_bag(&writer);
    if (outcome != Outcome::done) return std::nullopt;
  }
  if (reader.fault != TextFault::none) return std::nullopt;
  return sum;
}

std::string text_of(const Bytes& bag) {
  std::string text = "{";
  const auto put = [&](const std::string& value, std::uint64_t times) {
    if (times == 0) return;
    if (text.size() > 1) text += ',';
    text += value + ":" + std::to_string(times);
  };
  Header header;
  if (!read_header(bag.data(), bag.size(), &header)) return "damaged";
  auto cursor = std::make_unique<Cursor>();
  cursor->digits = nullptr;
  std::pmr::monotonic_buffer_resource memory;
  open_cursor(cursor.get(), bag.data(), bag.size(), header.scale, &memory);
  put("-Infinity", header.specials[minus_infinity]);
  std::vector<std::uint16_t> digits(quantile::most_decimal_digits);
  for (; !cursor->ended; advance(cursor.get())) {
    const Element& head = cursor->head;
    if (head.bytes == nullptr) {
      char key[most_key_text];
      put(std::string(key, write_key(head.key, header.scale, key)), head.times);
    } else {
      Decimal value;
      if (!quantile::read_decimal_bytes(head.bytes, head.length, digits.data(), &value)) return "damaged";
      put(decimal_text(value), head.times);
    }
  }
  if (cursor->damaged) return "damaged";
  put("Infinity", header.specials[infinity]);
  put("NaN", header.specials[not_a_number]);
  return text + "}";
}

}  // namespace dap::bag::test
