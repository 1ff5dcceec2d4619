#include "engine/quantile/image.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "engine/bytes.h"

namespace dap::quantile {

namespace {

constexpr std::size_t fixed_header = 4 + 4 + 1 + 4 + 8;
constexpr std::size_t keys_header = 1 + 1 + 4 + 8 + 8;
constexpr std::size_t dense_header = 1 + 4 + 8 + 8 + 8;
constexpr std::size_t wide_header = 1 + 8 + 8;
constexpr std::uint64_t most_counted = std::uint64_t{1} << 40;  // a relation holds no more rows

// Reads a count of at most five bytes; false if it does not end or is no 32-bit number.
bool checked_count(const unsigned char** at, const unsigned char* end, std::uint32_t* count) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (*at == end) return false;
    const unsigned char byte = *(*at)++;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *count = static_cast<std::uint32_t>(value);
      return value <= UINT32_MAX;
    }
  }
  return false;
}

std::size_t count_size(std::uint32_t count) { return (static_cast<std::size_t>(std::bit_width(count | 1U)) + 6) / 7; }

bool key_allowed(Kind kind, std::int64_t key) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  switch (kind) {
    case Kind::int2: return key >= INT16_MIN && key <= INT16_MAX;
    case Kind::int4:
    case Kind::date: return key >= INT32_MIN && key <= INT32_MAX;
    case Kind::numeric: return key != least;
    case Kind::float4:
    case Kind::float8: {
      constexpr std::int64_t infinity = 0x7ff0000000000000, not_a_number = 0x7ff8000000000000;
      return key == not_a_number || (key <= infinity && key >= -infinity - 1 && key != -1);  // -1 would be minus zero
    }
    case Kind::interval: return false;
    default: return true;
  }
}

}  // namespace

Packing plan_packing(std::int64_t low, std::int64_t high, std::uint64_t unit) {
  const std::uint64_t span = (static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low)) / unit;
  // At least a byte each, where all are equal as well: the bytes bear out the count.
  const auto width = static_cast<std::uint8_t>((std::bit_width(span | 1) + 7) / 8);
  if (width >= 7) return {0, 1, 8};  // little to gain: as they are
  return {low, static_cast<std::uint32_t>(unit), width};
}

std::size_t header_size(std::uint32_t fraction_bytes) { return fixed_header + fraction_bytes; }
std::size_t keys_size(const Packing& packing, std::uint64_t count) { return keys_header + packing.width * count; }
std::size_t wide_size(std::uint64_t count, std::uint64_t bytes) { return wide_header + 4 * count + bytes; }
std::size_t dense_size(const Dense& dense) {
  std::size_t size = dense_header;
  for (std::uint64_t i = 0; i < dense.length; i++) size += count_size(dense.counts[i]);
  return size;
}

unsigned char* write_header(const ImageHeader& header, std::uint32_t fraction_bytes, unsigned char* out) {
  out = put(image_magic, out);
  out = put(image_version, out);
  out = put(static_cast<std::uint8_t>(header.kind), out);
  out = put(header.groups, out);
  out = put(static_cast<std::uint8_t>(header.scale_known), out);
  out = put(static_cast<std::uint8_t>(header.shape), out);
  out = put(fraction_bytes, out);
  if (fraction_bytes > 0) std::memcpy(out, header.fractions, fraction_bytes);
  return put(header.count, out + fraction_bytes);
}

unsigned char* write_keys_header(const Packing& packing, std::uint64_t count, unsigned char* out) {
  out = put(static_cast<std::uint8_t>(Section::Tag::keys), out);
  out = put(packing.width, out);
  out = put(packing.unit, out);
  out = put(packing.base, out);
  return put(count, out);
}

unsigned char* write_keys(const Packing& packing, const std::int64_t* keys, std::uint64_t count, unsigned char* out) {
  const auto base = static_cast<std::uint64_t>(packing.base);
  if (packing.width == 8) {
    std::memcpy(out, keys, count * 8);
    return out + count * 8;
  }
  const auto write = [&](auto divide) {
    for (std::uint64_t i = 0; i < count; i++, out += packing.width) {
      const std::uint64_t value = divide(static_cast<std::uint64_t>(keys[i]) - base);
      switch (packing.width) {  // the same way for the whole block
        case 1: out[0] = static_cast<unsigned char>(value); break;
        case 2: put(static_cast<std::uint16_t>(value), out); break;
        case 3: put(static_cast<std::uint16_t>(value), out), out[2] = static_cast<unsigned char>(value >> 16); break;
        case 4: put(static_cast<std::uint32_t>(value), out); break;
        default: std::memcpy(out, &value, packing.width);
      }
    }
  };
  if (packing.unit == 100) write([](std::uint64_t d) { return d / 100; });
  else if (packing.unit == 1) write([](std::uint64_t d) { return d; });
  else write([unit = packing.unit](std::uint64_t d) { return d / unit; });
  return out;
}

unsigned char* write_dense(const Dense& dense, unsigned char* out) {
  out = put(static_cast<std::uint8_t>(Section::Tag::dense), out);
  out = put(static_cast<std::uint32_t>(dense.unit), out);
  out = put(dense.base, out);
  out = put(dense.length, out);
  unsigned char* const size_at = out;
  out += sizeof(std::uint64_t);
  unsigned char* const data = out;
  for (std::uint64_t i = 0; i < dense.length; i++) {
    std::uint32_t count = dense.counts[i];
    while (count >= 0x80) {
      *out++ = static_cast<unsigned char>(count) | 0x80;
      count >>= 7;
    }
    *out++ = static_cast<unsigned char>(count);
  }
  put(static_cast<std::uint64_t>(out - data), size_at);
  return out;
}

unsigned char* write_wide_header(std::uint64_t count, std::uint64_t bytes, unsigned char* out) {
  out = put(static_cast<std::uint8_t>(Section::Tag::wide), out);
  out = put(count, out);
  return put(4 * count + bytes, out);
}

unsigned char* write_wide_value(const unsigned char* bytes, std::uint32_t length, unsigned char* out) {
  out = put(length, out);
  std::memcpy(out, bytes, length);
  return out + length;
}

std::size_t file_size() { return wide_header + sizeof(FileReference); }

unsigned char* write_file_reference(const FileReference& reference, std::uint64_t count, unsigned char* out) {
  out = put(static_cast<std::uint8_t>(Section::Tag::file), out);
  out = put(count, out);
  out = put(static_cast<std::uint64_t>(sizeof reference), out);
  return put(reference, out);
}

const unsigned char* image_sections(const unsigned char* data) {
  std::uint32_t fraction_bytes;
  std::memcpy(&fraction_bytes, data + fixed_header - 12, sizeof fraction_bytes);
  return data + fixed_header + fraction_bytes;
}

FileReference file_reference(const Section& section) {
  FileReference reference;
  std::memcpy(&reference, section.data, sizeof reference);
  return reference;
}

bool next_section(const unsigned char** at, const unsigned char* end, Section* section) {
  if (*at == end) return false;
  section->tag = static_cast<Section::Tag>(get<std::uint8_t>(at));
  section->packing = Packing{0, 1, 0};
  if (section->tag == Section::Tag::keys) {
    section->packing.width = get<std::uint8_t>(at);
    section->packing.unit = get<std::uint32_t>(at);
    section->packing.base = get<std::int64_t>(at);
    section->count = get<std::uint64_t>(at);
    section->size = section->packing.width * section->count;
  } else if (section->tag == Section::Tag::dense) {
    section->packing.unit = get<std::uint32_t>(at);
    section->packing.base = get<std::int64_t>(at);
    section->count = get<std::uint64_t>(at);
    section->size = get<std::uint64_t>(at);
  } else {
    section->count = get<std::uint64_t>(at);
    section->size = get<std::uint64_t>(at);
  }
  section->data = *at;
  *at += section->size;
  return true;
}

void unpack_keys(const Section& section, std::uint64_t first, std::uint64_t count, std::int64_t* keys) {
  const unsigned width = section.packing.width;
  const std::uint64_t unit = section.packing.unit;
  const auto base = static_cast<std::uint64_t>(section.packing.base);
  const unsigned char* at = section.data + first * width;
  if (width == 8) {
    std::memcpy(keys, at, count * 8);
    return;
  }
  const auto read = [&](auto load) {
    for (std::uint64_t i = 0; i < count; i++, at += width) keys[i] = static_cast<std::int64_t>(base + load(at) * unit);
  };
  switch (width) {
    case 1: read([](const unsigned char* p) { return std::uint64_t{p[0]}; }); break;
    case 2: read([](const unsigned char* p) { return std::uint64_t{load16(p)}; }); break;
    case 3: read([](const unsigned char* p) { return load16(p) | std::uint64_t{p[2]} << 16; }); break;
    default:
      read([width](const unsigned char* p) {
        std::uint64_t value = 0;
        std::memcpy(&value, p, width);
        return value;
      });
  }
}

const unsigned char* next_wide_value(const unsigned char** at, std::uint32_t* length) {
  *length = get<std::uint32_t>(at);
  const unsigned char* bytes = *at;
  *at += *length;
  return bytes;
}

namespace {

// base + unit × largest, if that is a 64-bit number.
bool last_key(std::int64_t base, std::uint64_t unit, std::uint64_t largest, std::int64_t* key) {
  const Int128 last = static_cast<Int128>(base) + static_cast<Int128>(static_cast<UInt128>(unit) * largest);
  *key = static_cast<std::int64_t>(last);
  return unit >= 1 && last <= std::numeric_limits<std::int64_t>::max();
}

bool check_keys(const Section& section, Kind kind) {
  const Packing& packing = section.packing;
  const unsigned width = packing.width;
  // A unit of 0 or of more than the writer takes is damage.
  if (packing.unit < 1 || packing.unit > decimal_base) return false;
  if (width == 8 && (packing.base != 0 || packing.unit != 1)) return false;
  // every one of them
  if (width == 8 && (kind == Kind::int8 || kind == Kind::timestamp || kind == Kind::timestamptz)) return true;
  std::int64_t last;
  if (width < 8) {
    // Mostly no packed number can pass the ends of the type; doubles have gaps in between.
    const std::uint64_t room = (std::uint64_t{1} << (8 * width)) - 1;
    const bool dotted = kind == Kind::float4 || kind == Kind::float8;
    const bool ends =
        key_allowed(kind, packing.base) && last_key(packing.base, packing.unit, room, &last) && key_allowed(kind, last);
    constexpr std::int64_t infinity = 0x7ff0000000000000;
    if (ends && (!dotted || last < -1 || (packing.base >= 0 && last <= infinity))) return true;
  }
  bool good = true;
  for (std::uint64_t i = 0; i < section.count; i++) {
    std::uint64_t value = 0;
    if (width == 8) {
      std::memcpy(&value, section.data + i * 8, 8);
      good &= key_allowed(kind, static_cast<std::int64_t>(value));
      continue;
    }
    std::memcpy(&value, section.data + i * width, width);
    good = good && last_key(packing.base, packing.unit, value, &last) && key_allowed(kind, last);
  }
  return good;
}

bool check_dense(const Section& section, Kind kind, std::uint64_t* total) {
  std::int64_t last;
  if (!counted_kind(kind) || section.count == 0 || section.count > section.size) return false;
  // Powers of ten, as counts are made with: another unit has no greatest common one with them.
  if (std::int64_t unit = section.packing.unit;
      unit != 1 && unit != 10 && unit != 100 && unit != 1000 && unit != decimal_base)
    return false;
  const unsigned char* at = section.data;
  const unsigned char* const end = section.data + section.size;
  *total = 0;
  std::uint64_t first = section.count, used = 0;
  for (std::uint64_t i = 0; i < section.count;) {
    if (section.count - i >= 8 && eight_empty(at, end)) {
      at += 8;
      i += 8;
      continue;
    }
    std::uint32_t count;
    if (!checked_count(&at, end, &count)) return false;
    if (count > 0) {
      *total += count;
      first = std::min(first, i);
      used = i;
    }
    i++;
  }
  if (at != end) return false;
  // Empty slots at the ends may lie outside the type, whose keys are all that stand between two of them.
  if (!last_key(section.packing.base, section.packing.unit, section.count - 1, &last)) return false;
  if (*total == 0) return true;
  return last_key(section.packing.base, section.packing.unit, first, &last) && key_allowed(kind, last) &&
         last_key(section.packing.base, section.packing.unit, used, &last) && key_allowed(kind, last);
}

bool check_wide(const Section& section, Kind kind, std::pmr::memory_resource* memory) {
  if (kind != Kind::numeric && kind != Kind::interval) return false;
  const unsigned char* at = section.data;
  const unsigned char* const end = section.data + section.size;
  auto* digits = static_cast<std::uint16_t*>(
      memory->allocate(most_decimal_digits * sizeof(std::uint16_t), alignof(std::uint16_t)));
  bool good = true;
  for (std::uint64_t i = 0; i < section.count && good; i++) {
    std::uint32_t length = 0;
    good = end - at >= 4;
    if (!good) break;
    std::memcpy(&length, at, 4);
    good = length <= static_cast<std::size_t>(end - at) - 4;
    if (!good) break;
    const unsigned char* bytes = next_wide_value(&at, &length);
    if (kind == Kind::interval) {
      unsigned char again[interval_length];
      good = length == interval_length &&
             (write_interval(read_interval(bytes), again), std::memcmp(bytes, again, interval_length) == 0);
    } else {
      Decimal decimal;
      good = read_decimal_bytes(bytes, length, digits, &decimal);
    }
  }
  memory->deallocate(digits, most_decimal_digits * sizeof(std::uint16_t), alignof(std::uint16_t));
  return good && at == end;
}

}  // namespace

bool read_image(const unsigned char* data, std::size_t size, ImageHeader* header, const unsigned char** sections,
                std::pmr::memory_resource* memory) {
  const unsigned char* at = data;
  const unsigned char* const end = data + size;
  if (size < fixed_header || get<std::uint32_t>(&at) != image_magic || get<std::uint8_t>(&at) != image_version)
    return false;
  const auto kind = get<std::uint8_t>(&at);
  header->groups = get<std::uint8_t>(&at);
  const auto known = get<std::uint8_t>(&at);
  const auto shape = get<std::uint8_t>(&at);
  const auto fraction_bytes = get<std::uint32_t>(&at);
  if (!kind_known(kind) || known > 1 || shape > static_cast<std::uint8_t>(Shape::array)) return false;
  header->kind = static_cast<Kind>(kind);
  header->scale_known = known != 0;
  header->shape = static_cast<Shape>(shape);
  if (header->kind == Kind::numeric && header->scale_known ? header->groups < 1 || header->groups > most_groups
                                                           : header->groups != 0 || known)
    return false;
  if (fraction_bytes > static_cast<std::size_t>(end - at) - 8) return false;
  const bool sized =
      header->shape == Shape::scalar ? fraction_bytes == 8 : header->shape == Shape::array || fraction_bytes == 0;
  if (!sized) return false;
  header->fractions = at;
  header->fraction_count = fraction_bytes;
  at += fraction_bytes;
  header->count = get<std::uint64_t>(&at);
  *sections = at;
  std::uint64_t total = 0;
  while (at < end) {
    const auto left = static_cast<std::size_t>(end - at);
    const std::size_t needed = *at == 1               ? keys_header
                               : *at == 2             ? dense_header
                               : *at == 3 || *at == 4 ? wide_header
                                                      : left + 1;
    if (left < needed) return false;
    if (header->kind == Kind::numeric && !header->scale_known) return false;
    // The size is checked from the header's own fields before next_section() trusts it.
    const std::size_t body = left - needed;
    Section section;
    if (*at == 1) {
      const unsigned width = at[1];
      std::uint64_t count;
      std::memcpy(&count, at + 14, 8);
      if (width < 1 || width > 8 || count > body / width) return false;
    } else {
      std::uint64_t bytes;
      std::memcpy(&bytes, at + needed - 8, 8);
      if (bytes > body) return false;
    }
    next_section(&at, end, &section);
    std::uint64_t held = section.count;
    bool good = false;
    switch (section.tag) {
      case Section::Tag::keys: good = check_keys(section, header->kind); break;
      case Section::Tag::dense: good = check_dense(section, header->kind, &held); break;
      case Section::Tag::wide: good = check_wide(section, header->kind, memory); break;
      case Section::Tag::file: good = section.size == sizeof(FileReference); break;
    }
    if (!good || held > most_counted - total) return false;
    total += held;
  }
  return total == header->count;
}

}  // namespace dap::quantile
