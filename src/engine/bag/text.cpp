#include "engine/bag/text.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "engine/bag/combine.h"
#include "engine/convert/number.h"

namespace dap::bag {

namespace {

using quantile::DecimalClass;

constexpr std::ptrdiff_t most_step = 1 << 20;  // characters, where the numbers are long
constexpr std::string_view special_names[special_count] = {"-Infinity", "Infinity", "NaN"};

struct Item {
  std::string_view text;
  convert::Decimal number;
  Element element;
};

bool delimits(char c) { return c == ':' || c == ',' || c == '{' || c == '}'; }

void skip_blanks(TextReader* reader) {
  while (reader->at != reader->end && convert::is_blank(*reader->at)) reader->at++;
}

// The text up to a delimiter, without the blanks around.
std::string_view next_word(TextReader* reader) {
  skip_blanks(reader);
  const char* const from = reader->at;
  while (reader->at != reader->end && !delimits(*reader->at)) reader->at++;
  return convert::strip_blanks(std::string_view(from, static_cast<std::size_t>(reader->at - from)));
}

void fail(TextReader* reader, TextFault fault, const char* at) {
  reader->fault = fault;
  reader->at = at;
}

bool read_times(TextReader* reader, std::uint64_t* times) {
  *times = 1;
  if (reader->at == reader->end || *reader->at != ':') return true;
  reader->at++;
  const std::string_view word = next_word(reader);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (word.empty() || end != word.data() + word.size() || error != std::errc{} || number < 1) {
    fail(reader, TextFault::times, word.data());
    return false;
  }
  *times = static_cast<std::uint64_t>(number);
  return true;
}

// Reads one item; false at the closing brace and on a fault.
bool read_item(TextReader* reader, Item* item, int* special) {
  item->text = next_word(reader);
  *special = -1;
  for (unsigned i = 0; i < special_count; i++)
    if (item->text == special_names[i]) *special = static_cast<int>(i);
  if (*special < 0) {
    if (item->text.empty()) return fail(reader, TextFault::malformed, item->text.data()), false;
    if (convert::parse_decimal(item->text, &item->number) != convert::Status::ok)
      return fail(reader, TextFault::number, item->text.data()), false;
    const convert::Decimal& number = item->number;
    const std::int64_t highest = number.lowest_exponent + number.significant_digits - 1;
    if (!number.is_zero() && (number.exponent_overflow || -number.lowest_exponent > most_places || highest > 131071))
      return fail(reader, TextFault::range, item->text.data()), false;
  }
  return read_times(reader, &item->element.times);
}

// The significant digits of a number as one decimal; `digits` has room for as many.
Decimal number_decimal(const convert::Decimal& number, std::uint16_t* digits) {
  const std::int64_t lowest = number.lowest_exponent;
  const std::int64_t highest = lowest + number.significant_digits - 1;
  const auto group_of = [](std::int64_t power) { return power >= 0 ? power / 4 : -((3 - power) / 4); };
  const std::int64_t weight = group_of(highest);
  const auto count = static_cast<std::uint32_t>(weight - group_of(lowest) + 1);
  std::fill_n(digits, count, std::uint16_t{0});
  std::int64_t power = highest;
  bool begun = false;
  constexpr unsigned tens[4] = {1, 10, 100, 1000};
  for (const char c : number.token) {
    if (c == 'e' || c == 'E' || power < lowest) break;
    if (!convert::is_digit(c) || (!begun && c == '0')) continue;
    begun = true;
    const std::int64_t group = group_of(power);
    digits[weight - group] =
        static_cast<std::uint16_t>(digits[weight - group] + static_cast<unsigned>(c - '0') * tens[power - 4 * group]);
    power--;
  }
  return Decimal{number.negative ? DecimalClass::negative : DecimalClass::positive, static_cast<int>(weight), count,
                 reinterpret_cast<const unsigned char*>(digits)};
}

std::size_t digits_room(const convert::Decimal& number) {
  return static_cast<std::size_t>(number.significant_digits) / 4 + 2;
}

}  // namespace

char* write_key(std::int64_t key, int scale, char* out) {
  char digits[24];
  std::uint64_t rest = key < 0 ? 0 - static_cast<std::uint64_t>(key) : static_cast<std::uint64_t>(key);
  if (key < 0) *out++ = '-';
  while (scale > 0 && rest % 10 == 0) {
    rest /= 10;
    scale--;
  }
  const char* const end = std::to_chars(digits, digits + sizeof digits, rest).ptr;
  const auto length = static_cast<int>(end - digits);
  if (scale <= 0) {
    std::memcpy(out, digits, static_cast<std::size_t>(length));
    out += length;
    if (rest != 0)
      for (; scale < 0; scale++) *out++ = '0';
    return out;
  }
  const int before = std::max(length - scale, 0);
  if (before == 0) *out++ = '0';
  std::memcpy(out, digits, static_cast<std::size_t>(before));
  out += before;
  *out++ = '.';
  for (int i = length; i < scale; i++) *out++ = '0';
  std::memcpy(out, digits + before, static_cast<std::size_t>(length - before));
  return out + length - before;
}

void open_text(TextReader* reader, const char* text, std::size_t length) {
  *reader = TextReader{text, text + length, TextFault::none, false};
  skip_blanks(reader);
  if (reader->at == reader->end || *reader->at != '{') {
    fail(reader, TextFault::malformed, reader->at);
    return;
  }
  reader->at++;
  skip_blanks(reader);
  if (reader->at != reader->end && *reader->at == '}') {
    reader->at++;
    skip_blanks(reader);
    reader->ended = true;
    if (reader->at != reader->end) fail(reader, TextFault::malformed, reader->at);
  }
}

void read_items(TextReader* reader, unsigned items, Writer* writer) {
  if (reader->fault != TextFault::none) return;
  std::pmr::vector<Item> read(writer->memory);
  std::pmr::vector<std::uint16_t> digits(writer->memory);
  Survey survey{};
  std::uint64_t values = writer->values;
  const char* const begin = reader->at;
  for (; items > 0 && !reader->ended && reader->at - begin < most_step; items--) {
    Item item;
    int special;
    const char* const from = reader->at;
    if (!read_item(reader, &item, &special)) return;
    if (item.element.times > most_values - values) return fail(reader, TextFault::total, from);
    values += item.element.times;
    if (special >= 0) {
      put_special(writer, static_cast<unsigned>(special), item.element.times);
    } else {
      if (item.number.is_zero()) {
        survey_key(&survey, 0, 0);
      } else {
        digits.resize(std::max(digits.size(), digits_room(item.number)));
        survey_decimal(&survey, number_decimal(item.number, digits.data()));
      }
      read.push_back(item);
    }
    if (reader->at == reader->end) return fail(reader, TextFault::malformed, reader->at);
    const char delimiter = *reader->at++;
    if (delimiter == ',') continue;
    if (delimiter != '}') return fail(reader, TextFault::malformed, reader->at - 1);
    reader->ended = true;
    skip_blanks(reader);
    if (reader->at != reader->end) return fail(reader, TextFault::malformed, reader->at);
  }

  writer->scale = surveyed_scale(survey);
  for (Item& item : read) {
    Element& element = item.element;
    element.bytes = nullptr;
    element.length = 0;
    element.key = 0;
    if (item.number.is_zero()) continue;
    const Decimal value = number_decimal(item.number, digits.data());
    if (scaled_key(value, writer->scale, &element.key)) continue;
    element.length = quantile::decimal_bytes_length(value);
    auto* bytes = static_cast<unsigned char*>(writer->memory->allocate(element.length, 1));
    quantile::write_decimal_bytes(value, bytes);
    element.bytes = bytes;
  }
  std::sort(read.begin(), read.end(), [](const Item& a, const Item& b) { return compare(a.element, b.element) < 0; });
  for (std::size_t i = 0; i < read.size();) {
    const Element& element = read[i].element;
    std::uint64_t times = 0;
    for (; i < read.size() && compare(element, read[i].element) == 0; i++) times += read[i].element.times;
    if (element.bytes == nullptr) put_key(writer, element.key, times);
    else put_wide(writer, element.bytes, element.length, times);
  }
  for (const Item& item : read)
    if (item.element.bytes != nullptr)
      writer->memory->deallocate(const_cast<unsigned char*>(item.element.bytes), item.element.length, 1);
}

namespace {

constexpr std::string_view digits64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct Values64 {
  unsigned char of[256];
};
constexpr Values64 values64 = [] {
  Values64 values{};
  for (unsigned char& value : values.of) value = 64;
  for (std::size_t i = 0; i < digits64.size(); i++)
    values.of[static_cast<unsigned char>(digits64[i])] = static_cast<unsigned char>(i);
  return values;
}();

}  // namespace

char* write_base64(const unsigned char* bytes, std::size_t size, char* out) {
  std::size_t i = 0;
  for (; i + 3 <= size; i += 3, out += 4) {
    const unsigned three =
        static_cast<unsigned>(bytes[i]) << 16 | static_cast<unsigned>(bytes[i + 1]) << 8 | bytes[i + 2];
    for (int d = 0; d < 4; d++) out[d] = digits64[three >> (18 - 6 * d) & 63];
  }
  if (i == size) return out;
  const bool two = size - i == 2;
  const unsigned rest = static_cast<unsigned>(bytes[i]) << 16 | (two ? static_cast<unsigned>(bytes[i + 1]) << 8 : 0U);
  for (int d = 0; d < 4; d++) out[d] = d < (two ? 3 : 2) ? digits64[rest >> (18 - 6 * d) & 63] : '=';
  return out + 4;
}

unsigned char* read_base64(std::string_view text, unsigned char* out) {
  text = convert::strip_blanks(text);
  if (text.size() % 4 != 0) return nullptr;
  while (!text.empty()) {
    const bool last = text.size() == 4;
    const int padding = !last || text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
    unsigned three = 0;
    for (int d = 0; d < 4; d++) {
      const unsigned value =
          d < 4 - padding ? values64.of[static_cast<unsigned char>(text[static_cast<std::size_t>(d)])] : 0;
      if (value > 63) return nullptr;
      three = three << 6 | value;
    }
    for (int b = 0; b < 3 - padding; b++) *out++ = static_cast<unsigned char>(three >> (16 - 8 * b));
    // The bits that are left over are 0: each text is of other bytes.
    if ((three & ((1U << (8 * padding)) - 1)) != 0) return nullptr;
    text.remove_prefix(4);
  }
  return out;
}

}  // namespace dap::bag
