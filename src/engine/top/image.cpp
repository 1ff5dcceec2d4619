#include "engine/top/image.h"

#include <cstring>

#include "engine/bytes.h"

namespace dap::top {

namespace {

using quantile::UInt128;

constexpr unsigned char null_key = 1, has_rest = 2;
constexpr std::uint32_t most_text = 0x3fffffff;

// Signed numbers with small ones short: seven bits a byte, the sign last.
UInt128 fold(Int128 value) { return (static_cast<UInt128>(value) << 1) ^ static_cast<UInt128>(value >> 127); }
Int128 unfold(UInt128 value) { return static_cast<Int128>(value >> 1) ^ -static_cast<Int128>(value & 1); }

std::size_t varint_size(UInt128 value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) size++;
  return size;
}

unsigned char* put_varint(UInt128 value, unsigned char* out) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<unsigned char>(value) | 0x80;
  *out++ = static_cast<unsigned char>(value);
  return out;
}

// False where the number does not end before `end`, or has more than `bits` bits.
bool get_varint(const unsigned char** at, const unsigned char* end, int bits, UInt128* value) {
  *value = 0;
  for (int shift = 0; shift < bits; shift += 7) {
    if (*at == end) return false;
    const unsigned char byte = *(*at)++;
    const auto part = static_cast<UInt128>(byte & 0x7f);
    if (shift + 7 > bits && part >> (bits - shift) != 0) return false;
    *value |= part << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// Whether units of a scale can be written with so many places.
bool places_suffice(Int128 units, int groups, int scale) {
  for (int behind = 4 * groups; behind > scale && units != 0; behind--) {
    if (units % 10 != 0) return false;
    units /= 10;
  }
  return true;
}

bool read_entry(KeyKind kind, const unsigned char** at, const unsigned char* end, ImageEntry* entry) {
  if (end - *at < 2) return false;
  const unsigned char flags = *(*at)++;
  *entry = ImageEntry{};
  entry->groups = *(*at)++;
  UInt128 value;
  if (flags > (null_key | has_rest) || entry->groups > most_sum_groups) return false;
  if (!get_varint(at, end, 14, &value)) return false;
  entry->scale = static_cast<std::uint16_t>(value);
  entry->is_null = (flags & null_key) != 0;
  if (!entry->is_null && kind == KeyKind::number) {
    if (!get_varint(at, end, 64, &value)) return false;
    entry->number = static_cast<std::int64_t>(unfold(value));
  } else if (!entry->is_null) {
    if (!get_varint(at, end, 32, &value) || value > most_text || value > static_cast<UInt128>(end - *at)) return false;
    entry->text = *at;
    entry->text_length = static_cast<std::uint32_t>(value);
    *at += entry->text_length;
  }
  if (!get_varint(at, end, 128, &value)) return false;
  entry->units = unfold(value);
  if ((flags & has_rest) == 0) return true;
  if (!get_varint(at, end, 32, &value) || value > static_cast<UInt128>(end - *at)) return false;
  entry->rest = *at;
  entry->rest_length = static_cast<std::uint32_t>(value);
  *at += entry->rest_length;
  return true;
}

}  // namespace

std::size_t entry_size(KeyKind kind, const ImageEntry& entry) {
  std::size_t size = 2 + varint_size(entry.scale) + varint_size(fold(entry.units));
  if (!entry.is_null)
    size +=
        kind == KeyKind::number ? varint_size(fold(entry.number)) : varint_size(entry.text_length) + entry.text_length;
  if (entry.rest != nullptr) size += varint_size(entry.rest_length) + entry.rest_length;
  return size;
}

unsigned char* write_header(const ImageHeader& header, unsigned char* out) {
  out = put(image_magic, out);
  out = put(image_version, out);
  out = put(static_cast<std::uint8_t>(header.kind), out);
  out = put(header.wanted, out);
  return put(header.count, out);
}

unsigned char* write_entry(KeyKind kind, const ImageEntry& entry, unsigned char* out) {
  *out++ = static_cast<unsigned char>((entry.is_null ? null_key : 0) | (entry.rest != nullptr ? has_rest : 0));
  *out++ = entry.groups;
  out = put_varint(entry.scale, out);
  if (!entry.is_null && kind == KeyKind::number) {
    out = put_varint(fold(entry.number), out);
  } else if (!entry.is_null) {
    out = put_varint(entry.text_length, out);
    if (entry.text_length > 0) std::memcpy(out, entry.text, entry.text_length);
    out += entry.text_length;
  }
  out = put_varint(fold(entry.units), out);
  if (entry.rest == nullptr) return out;
  out = put_varint(entry.rest_length, out);
  std::memcpy(out, entry.rest, entry.rest_length);
  return out + entry.rest_length;
}

bool next_entry(KeyKind kind, const unsigned char** at, const unsigned char* end, ImageEntry* entry) {
  return *at < end && read_entry(kind, at, end, entry);
}

bool read_image(const unsigned char* data, std::size_t size, ImageHeader* header, std::pmr::memory_resource* memory) {
  const unsigned char* at = data;
  const unsigned char* const end = data + size;
  if (size < header_size || get<std::uint32_t>(&at) != image_magic || get<std::uint8_t>(&at) != image_version)
    return false;
  const auto kind = get<std::uint8_t>(&at);
  if (kind != static_cast<std::uint8_t>(KeyKind::number) && kind != static_cast<std::uint8_t>(KeyKind::text))
    return false;
  header->kind = static_cast<KeyKind>(kind);
  header->wanted = get<std::int32_t>(&at);
  header->count = get<std::uint64_t>(&at);
  if (header->wanted < 0) return false;
  auto* digits = static_cast<std::uint16_t*>(
      memory->allocate(quantile::most_decimal_digits * sizeof(std::uint16_t), alignof(std::uint16_t)));
  std::uint64_t count = 0;
  bool good = true;
  while (good && at < end) {
    ImageEntry entry;
    Decimal decimal;
    good = read_entry(header->kind, &at, end, &entry) && places_suffice(entry.units, entry.groups, entry.scale) &&
           (entry.rest == nullptr || quantile::read_decimal_bytes(entry.rest, entry.rest_length, digits, &decimal));
    count++;
  }
  memory->deallocate(digits, quantile::most_decimal_digits * sizeof(std::uint16_t), alignof(std::uint16_t));
  return good && count == header->count;
}

}  // namespace dap::top
