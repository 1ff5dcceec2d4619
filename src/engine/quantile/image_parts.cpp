#include "engine/quantile/image_parts.h"

#include <algorithm>

namespace dap::quantile {

namespace {

std::uint64_t slot_key(std::int64_t base, std::uint64_t unit, std::uint64_t slot) {
  return static_cast<std::uint64_t>(base) + slot * unit;
}

// Adds counts to the table up to the section's slot `last`, or the first that does not fit.
void add_counts(PartReader* reader, Sample* into, Dense* dense, std::uint64_t last) {
  const Section& section = reader->section;
  const unsigned char* const end = section.data + section.size;
  const std::uint64_t distance =
      slot_key(section.packing.base, section.packing.unit, reader->next) - static_cast<std::uint64_t>(dense->base);
  if (section.packing.unit % dense->unit != 0 || distance % dense->unit != 0) return;
  const std::uint64_t step = section.packing.unit / dense->unit;
  for (std::uint64_t slot = distance / dense->unit; reader->next < last;) {
    if (last - reader->next >= 8 && eight_empty(reader->place, end)) {
      reader->place += 8;
      reader->next += 8;
      slot += 8 * step;
      continue;
    }
    const unsigned char* at = reader->place;
    const std::uint32_t times = next_count(&at);
    if (slot >= dense->length || times > UINT32_MAX - dense->counts[slot]) return;
    dense->counts[slot] += times;
    into->count += times;
    reader->place = at;
    reader->next++;
    slot += step;
  }
}

// Some of the section's slots; what has no place in the table becomes keys.
void read_slots(PartReader* reader, Sample* into) {
  Dense* const dense = into->groups == reader->groups ? into->dense : nullptr;
  const Section& section = reader->section;
  if (dense != nullptr && reader->times == 0) {
    add_counts(reader, into, dense, std::min<std::uint64_t>(section.count, reader->next + slots_a_part));
    if (reader->next == section.count) return;
  }
  for (unsigned step = 0; step < slots_a_part; step++) {
    if (reader->times == 0) {
      if (reader->next == section.count) return;
      reader->key = static_cast<std::int64_t>(slot_key(section.packing.base, section.packing.unit, reader->next++));
      reader->times = next_count(&reader->place);
      std::uint64_t slot;
      if (reader->times > 0 && dense != nullptr && dense_slot(dense, reader->key, &slot)) {
        const std::uint32_t fits = std::min(reader->times, UINT32_MAX - dense->counts[slot]);
        dense->counts[slot] += fits;
        into->count += fits;
        reader->times -= fits;
      }
    }
    const auto more =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(reader->times, keys_a_part - reader->key_count));
    std::fill_n(reader->keys + reader->key_count, more, reader->key);
    reader->key_count += more;
    reader->times -= more;
    if (reader->times > 0) return;
  }
}

}  // namespace

void open_parts(PartReader* reader, const unsigned char* data, std::size_t size, const ImageHeader& header,
                Sample* into) {
  reader->at = image_sections(data);
  reader->end = data + size;
  reader->groups = header.groups;
  reader->section.count = 0;
  reader->next = 0;
  reader->times = 0;
  if (header.scale_known && !into->scale_known) {
    into->groups = header.groups;
    into->scale_known = true;
  }
}

Part next_part(PartReader* reader, Sample* into) {
  Section& section = reader->section;
  reader->expected = 0;
  reader->key_count = 0;
  if (reader->next == section.count && reader->times == 0) {
    do {
      if (!next_section(&reader->at, reader->end, &section)) return Part::end;
    } while (section.count == 0 && section.tag != Section::Tag::file);
    reader->next = 0;
    reader->place = section.data;
    if (section.tag == Section::Tag::dense) return Part::table;
    if (section.tag == Section::Tag::keys) reader->expected = section.count;
  }
  switch (section.tag) {
    case Section::Tag::keys:
      reader->key_count = std::min(keys_a_part, section.count - reader->next);
      unpack_keys(section, reader->next, reader->key_count, reader->keys);
      reader->next += reader->key_count;
      return Part::keys;
    case Section::Tag::dense: read_slots(reader, into); return Part::keys;
    case Section::Tag::wide:
      reader->bytes = next_wide_value(&reader->place, &reader->length);
      reader->next++;
      return Part::wide;
    default: reader->next = section.count; return Part::file;
  }
}

bool plan_table(const Sample& sample, const Section& counts, int groups, Table* table) {
  if (sample.groups != groups) return false;
  const std::uint64_t unit = counts.packing.unit;
  *table = Table{counts.packing.base, unit, counts.count};
  if (const Dense* old = sample.dense) {
    const auto last = [](std::int64_t base, std::uint64_t step, std::uint64_t length) {
      return static_cast<std::int64_t>(slot_key(base, step, length - 1));
    };
    table->base = std::min(old->base, counts.packing.base);
    const std::int64_t high =
        std::max(last(old->base, old->unit, old->length), last(counts.packing.base, unit, counts.count));
    table->unit = common_unit(&old->base, 1, std::min(old->unit, unit), table->base);
    table->unit = common_unit(&counts.packing.base, 1, table->unit, table->base);
    const std::uint64_t spread =
        (static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(table->base)) / table->unit;
    if (spread >= longest_table) return false;
    table->length = spread + 1;
    if (table->base == old->base && table->unit == old->unit && table->length == old->length) return false;
  }
  return table->length <= longest_table;
}

}  // namespace dap::quantile
