#include "quantile_support.h"

#include <cstdlib>

#include "engine/quantile/image_parts.h"

namespace dap::quantile::test {

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

// Keys of another scale, as the server adds them.
void add_keys(Sample* into, const std::int64_t* keys, std::uint64_t count, int groups,
              std::pmr::memory_resource* memory, std::uint64_t budget) {
  if (into->kind == Kind::numeric && !into->scale_known) {
    into->groups = static_cast<std::uint8_t>(groups);
    into->scale_known = true;
  }
  if (into->kind != Kind::numeric || into->groups == groups) {
    if (into->dense == nullptr && into->key_count + count < dense_from) reserve_keys(into, count, memory);
    for (std::uint64_t i = 0; i < count; i++)
      while (!add_key(into, keys[i])) make_room(into, memory, budget);
    return;
  }
  std::uint16_t digits[8];
  for (std::uint64_t i = 0; i < count; i++) add_decimal(into, key_decimal(keys[i], groups, digits), memory, budget);
}

}  // namespace

std::vector<unsigned char> image_of(const Sample& sample) {
  std::size_t size = header_size(0);
  Packing packing{};
  if (sample.key_count > 0) {
    std::int64_t low = sample.keys[0], high = low;
    key_range(sample.keys, sample.key_count, &low, &high);
    const bool dotted = sample.kind == Kind::float4 || sample.kind == Kind::float8;
    packing = plan_packing(low, high, dotted ? 1 : common_unit(sample.keys, sample.key_count, decimal_base, low));
    size += keys_size(packing, sample.key_count);
  }
  if (sample.dense != nullptr) size += dense_size(*sample.dense);
  const bool has_wide = sample.wide != nullptr && sample.wide->count > 0;
  if (has_wide) size += wide_size(sample.wide->count, sample.wide->bytes);
  std::vector<unsigned char> image(size);
  ImageHeader header{};
  header.kind = sample.kind;
  header.groups = sample.groups;
  header.scale_known = sample.scale_known;
  header.count = sample.count;
  unsigned char* out = write_header(header, 0, image.data());
  if (sample.dense != nullptr) out = write_dense(*sample.dense, out);
  if (sample.key_count > 0)
    out = write_keys(packing, sample.keys, sample.key_count, write_keys_header(packing, sample.key_count, out));
  if (has_wide) {
    out = write_wide_header(sample.wide->count, sample.wide->bytes, out);
    for (std::uint32_t i = 0; i < sample.wide->count; i++)
      out = write_wide_value(sample.wide->values[i].bytes->data(), sample.wide->values[i].bytes->length, out);
  }
  require(out == image.data() + image.size());
  return image;
}

Combined combine(const unsigned char* data, std::size_t size, Sample* into, std::pmr::memory_resource* memory,
                 std::uint64_t budget, std::uint64_t most) {
  ImageHeader header{};
  const unsigned char* sections = nullptr;
  if (!read_image(data, size, &header, &sections, memory)) return Combined::refused;
  require(sections == image_sections(data));
  if (into->kind == Kind{}) into->kind = header.kind;
  if (into->kind != header.kind) return Combined::other_kind;
  if (header.count > most) return Combined::too_many;
  const std::uint64_t before = into->count;
  PartReader reader;
  std::vector<std::uint16_t> digits(most_decimal_digits);
  open_parts(&reader, data, size, header, into);
  for (Part part; (part = next_part(&reader, into)) != Part::end;) {
    Table table;
    Decimal decimal;
    switch (part) {
      case Part::table:
        if (plan_table(*into, reader.section, reader.groups, &table) && table.length <= budget / sizeof(std::uint32_t))
          set_table(into, table.base, table.unit, table.length, memory);
        break;
      case Part::keys: add_keys(into, reader.keys, reader.key_count, reader.groups, memory, budget); break;
      case Part::wide:
        if (into->kind == Kind::interval) {
          add_interval(into, read_interval(reader.bytes), memory);
        } else {
          require(read_decimal_bytes(reader.bytes, reader.length, digits.data(), &decimal));
          add_decimal(into, decimal, memory, budget);
        }
        break;
      default: return Combined::file;
    }
  }
  require(into->count == before + header.count);
  return Combined::added;
}

}  // namespace dap::quantile::test
