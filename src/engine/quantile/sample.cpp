#include "engine/quantile/sample.h"

#include <algorithm>
#include <new>

namespace dap::quantile {

namespace {

constexpr std::uint32_t counting_room = 8192;
constexpr std::uint32_t least_waiting = 1024;
constexpr std::uint32_t first_wide = 4;
constexpr std::size_t least_chunk = 128;  // each twice as large as the one before, then a part of all
constexpr std::size_t usual_chunk = 16384;
constexpr std::size_t most_chunk = 1 << 20;  // a great number of chunks takes long to be freed

template <class T>
T* allocate(std::pmr::memory_resource* memory, std::size_t count) {
  return static_cast<T*>(memory->allocate(count * sizeof(T), alignof(T)));
}

Wide* wide_of(Sample* sample, std::pmr::memory_resource* memory) {
  if (sample->wide == nullptr) {
    sample->wide = new (allocate<Wide>(memory, 1)) Wide{};
    sample->wide->next_rescale = 64;
  }
  return sample->wide;
}

// Space for a value's bytes, of which only the length is written.
Bytes* new_bytes(Wide* wide, std::uint32_t length, std::pmr::memory_resource* memory) {
  const std::size_t size = (sizeof(Bytes) + length + 7) & ~std::size_t{7};
  if (size > wide->place_left) {
    std::size_t usual = least_chunk;
    if (wide->chunks != nullptr)
      usual = std::clamp<std::size_t>(wide->bytes / 16, std::min(wide->chunks->size * 2, usual_chunk), most_chunk);
    const std::size_t total = std::max(sizeof(Wide::Chunk) + size, usual);
    auto* chunk = static_cast<Wide::Chunk*>(memory->allocate(total, alignof(Wide::Chunk)));
    *chunk = Wide::Chunk{wide->chunks, total};
    wide->chunks = chunk;
    wide->place = reinterpret_cast<unsigned char*>(chunk + 1);
    wide->place_left = total - sizeof(Wide::Chunk);
  }
  auto* bytes = new (wide->place) Bytes{length};
  wide->place += size;
  wide->place_left -= size;
  wide->bytes += length;
  return bytes;
}

Value* new_wide(Wide* wide, std::pmr::memory_resource* memory) {
  if (wide->count == wide->capacity) {
    if (wide->capacity >= most_keys) throw std::bad_alloc();
    const std::uint32_t capacity = wide->capacity == 0 ? first_wide : wide->capacity * 2;
    auto* values = allocate<Value>(memory, capacity);
    std::copy_n(wide->values, wide->count, values);
    if (wide->values != nullptr) memory->deallocate(wide->values, wide->capacity * sizeof(Value), alignof(Value));
    wide->values = values;
    wide->capacity = capacity;
  }
  return &wide->values[wide->count];
}

void add_wide_decimal(Sample* sample, const Decimal& decimal, std::int64_t key, std::pmr::memory_resource* memory) {
  Wide* wide = wide_of(sample, memory);
  Value* value = new_wide(wide, memory);
  Bytes* bytes = new_bytes(wide, decimal_bytes_length(decimal), memory);
  write_decimal_bytes(decimal, bytes->data());
  *value = Value{key, bytes};
  wide->count++;
  sample->count++;
}

// A finer scale when many values do not fit the present one: keys are multiplied, those that then overflow become wide,
// wide ones that now fit become keys.
void consider_finer_scale(Sample* sample, std::pmr::memory_resource* memory, std::uint64_t budget) {
  Wide* wide = sample->wide;
  if (sample->kind != Kind::numeric || wide->count < wide->next_rescale) return;
  wide->next_rescale = wide->next_rescale >= most_rescaled ? UINT32_MAX : wide->next_rescale * 2;
  if (sample->groups >= most_groups || sample->dense != nullptr || sample->scale_fixed ||
      wide->count < sample->count / 4)
    return;

  const int groups = sample->groups + 1;
  std::uint16_t digits[64];
  std::uint32_t fitting = 0;
  for (std::uint32_t i = 0; i < wide->count; i++) {
    Decimal decimal;
    std::int64_t key;
    const Bytes* bytes = wide->values[i].bytes;
    if (bytes->length <= 2 * std::size(digits) && read_decimal_bytes(bytes->data(), bytes->length, digits, &decimal))
      fitting += decimal_key(decimal, groups, &key);
  }
  if (fitting < wide->count / 2) return;

  // The new state is built beside the old one, so that running out of memory leaves the old one whole.
  Sample finer{};
  finer.kind = Kind::numeric;
  finer.groups = static_cast<std::uint8_t>(groups);
  finer.scale_known = true;
  finer.scale_fixed = true;  // not again while it is built
  reserve_keys(&finer, sample->key_count + std::uint64_t{wide->count}, memory);
  std::uint16_t key_digits[8];
  for (std::uint32_t i = 0; i < sample->key_count; i++)
    add_decimal(&finer, key_decimal(sample->keys[i], sample->groups, key_digits), memory, budget);
  for (std::uint32_t i = 0; i < wide->count; i++) {
    Decimal decimal;
    const Bytes* bytes = wide->values[i].bytes;
    std::int64_t key;
    if (bytes->length <= 2 * std::size(digits) && read_decimal_bytes(bytes->data(), bytes->length, digits, &decimal)) {
      add_decimal(&finer, decimal, memory, budget);
      continue;
    }
    // Too long to be a key of any scale: its key alone changes. The digits that count stand in front.
    const unsigned char mask = bytes->data()[0] == static_cast<unsigned char>(DecimalClass::negative) ? 0xff : 0;
    std::uint16_t front[32];
    for (int d = 0; d < 32; d++)
      front[d] = static_cast<std::uint16_t>(
          ((bytes->data()[3 + 2 * d] ^ mask) << 8 | static_cast<unsigned char>(bytes->data()[4 + 2 * d] ^ mask)) - 1);
    const Decimal long_one{
        static_cast<DecimalClass>(bytes->data()[0]),
        ((bytes->data()[1] ^ mask) << 8 | static_cast<unsigned char>(bytes->data()[2] ^ mask)) - 0x8000,
        (bytes->length - 5) / 2, reinterpret_cast<const unsigned char*>(front)};
    decimal_key(long_one, groups, &key);  // reads at most five digits
    add_wide(&finer, key, bytes->data(), bytes->length, memory);
  }
  finer.scale_fixed = false;
  if (finer.wide != nullptr) finer.wide->next_rescale = std::max(finer.wide->next_rescale, wide->next_rescale);
  if (sample->keys != nullptr)
    memory->deallocate(sample->keys, sample->key_capacity * sizeof(std::int64_t), alignof(std::int64_t));
  release_wide(sample, memory);
  *sample = finer;
}

}  // namespace

void release_wide(Sample* sample, std::pmr::memory_resource* memory) {
  Wide* wide = sample->wide;
  if (wide == nullptr) return;
  while (wide->chunks != nullptr) {
    Wide::Chunk* chunk = wide->chunks;
    wide->chunks = chunk->next;
    memory->deallocate(chunk, chunk->size, alignof(Wide::Chunk));
  }
  if (wide->values != nullptr) memory->deallocate(wide->values, wide->capacity * sizeof(Value), alignof(Value));
  memory->deallocate(wide, sizeof(Wide), alignof(Wide));
  sample->wide = nullptr;
}

void key_range(const std::int64_t* keys, std::size_t count, std::int64_t* low, std::int64_t* high) {
  std::int64_t least = *low, most = *high;
  for (std::size_t i = 0; i < count; i++) {
    least = std::min(least, keys[i]);
    most = std::max(most, keys[i]);
  }
  *low = least;
  *high = most;
}

std::uint64_t common_unit(const std::int64_t* keys, std::size_t count, std::uint64_t unit, std::int64_t base) {
  const auto distance = [base](std::int64_t key) {
    return static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(base);
  };
  return common_divisor(count, unit, [&](std::size_t i) { return distance(keys[i]); });
}

void reserve_keys(Sample* sample, std::uint64_t more, std::pmr::memory_resource* memory) {
  const std::uint64_t needed = sample->key_count + more;
  if (needed <= sample->key_capacity) return;
  if (needed > most_keys) throw std::bad_alloc();
  const auto capacity = static_cast<std::uint32_t>(
      std::max<std::uint64_t>({needed, std::uint64_t{sample->key_capacity} * 2, first_capacity}));
  auto* keys = allocate<std::int64_t>(memory, capacity);
  std::copy_n(sample->keys, sample->key_count, keys);
  if (sample->keys != nullptr)
    memory->deallocate(sample->keys, sample->key_capacity * sizeof(std::int64_t), alignof(std::int64_t));
  sample->keys = keys;
  sample->key_capacity = capacity;
}

void set_table(Sample* sample, std::int64_t base, std::uint64_t unit, std::uint64_t length,
               std::pmr::memory_resource* memory) {
  Dense* dense = sample->dense;
  if (dense == nullptr) {
    dense = allocate<Dense>(memory, 1);
    dense->length = 0;
  }
  std::uint32_t* const counts = allocate<std::uint32_t>(memory, length);
  std::fill_n(counts, length, 0);
  if (sample->dense != nullptr) {
    const std::uint64_t first = (static_cast<std::uint64_t>(dense->base) - static_cast<std::uint64_t>(base)) / unit;
    const std::uint64_t step = dense->unit / unit;
    for (std::uint64_t i = 0; i < dense->length; i++) counts[first + i * step] = dense->counts[i];
    memory->deallocate(dense->counts, dense->length * sizeof(std::uint32_t), alignof(std::uint32_t));
  }
  *dense = Dense{base, unit, 1.0 / static_cast<double>(unit), length, counts};
  sample->dense = dense;
}

bool collapse(Sample* sample, std::pmr::memory_resource* memory, std::uint64_t budget) {
  if (!counted_kind(sample->kind)) return false;
  if (sample->count < sample->next_collapse || sample->key_count < dense_from / 2 ||
      budget / sizeof(std::uint32_t) < dense_from)
    return false;
  sample->next_collapse = sample->count * 2;
  const Dense* old = sample->dense;
  std::int64_t low = old != nullptr ? old->base : sample->keys[0];
  std::int64_t high =
      old != nullptr ? static_cast<std::int64_t>(static_cast<std::uint64_t>(old->base) + (old->length - 1) * old->unit)
                     : low;
  key_range(sample->keys, sample->key_count, &low, &high);
  std::uint64_t unit = common_unit(sample->keys, sample->key_count, old != nullptr ? old->unit : decimal_base, low);
  if (old != nullptr) unit = common_unit(&old->base, 1, unit, low);
  const std::uint64_t spread = (static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low)) / unit;
  const std::uint64_t most =
      std::min<std::uint64_t>({budget / sizeof(std::uint32_t), sample->count * 4, longest_table});
  std::uint64_t length = spread + 1;
  if (spread >= most) {
    // The tail stays plain keys if it is thin.
    if (old != nullptr) return false;
    length = most;
    std::uint32_t inside = 0;
    for (std::uint32_t i = 0; i < sample->key_count; i++)
      inside += static_cast<std::uint64_t>(sample->keys[i]) - static_cast<std::uint64_t>(low) < length * unit;
    if (inside < sample->key_count / 4 * 3) return false;
  } else {
    // Some room at both ends, where more values will come.
    const std::uint64_t margin = std::min<std::uint64_t>((most - length) / 2, length / 16);
    const std::uint64_t below =
        std::min(margin, (static_cast<std::uint64_t>(low) - static_cast<std::uint64_t>(INT64_MIN)) / unit);
    const std::uint64_t above =
        std::min(margin, (static_cast<std::uint64_t>(INT64_MAX) - static_cast<std::uint64_t>(high)) / unit);
    low = static_cast<std::int64_t>(static_cast<std::uint64_t>(low) - below * unit);
    length += below + above;
  }
  set_table(sample, low, unit, length, memory);
  count_keys(sample);
  sample->next_collapse = sample->count + sample->count / 4;
  if (sample->key_count <= counting_room / 2 && sample->key_capacity > counting_room) {
    // What comes waits in a small array to be counted.
    auto* keys = allocate<std::int64_t>(memory, counting_room);
    std::copy_n(sample->keys, sample->key_count, keys);
    memory->deallocate(sample->keys, sample->key_capacity * sizeof(std::int64_t), alignof(std::int64_t));
    sample->keys = keys;
    sample->key_capacity = counting_room;
  }
  return true;
}

void count_keys(Sample* sample) {
  Dense* dense = sample->dense;
  if (dense == nullptr) return;
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < sample->key_count; i++) {
    const std::int64_t key = sample->keys[i];
    std::uint64_t slot;
    if (dense_slot(dense, key, &slot) && dense->counts[slot] != UINT32_MAX) dense->counts[slot]++;
    else sample->keys[kept++] = key;
  }
  sample->key_count = kept;
}

void make_room(Sample* sample, std::pmr::memory_resource* memory, std::uint64_t budget) {
  if (sample->dense != nullptr) {
    count_keys(sample);
    if (sample->key_count <= sample->key_capacity / 2 && sample->key_capacity > 0) return;
  }
  if (sample->key_count >= dense_from && collapse(sample, memory, budget) &&
      sample->key_count <= sample->key_capacity / 2)
    return;
  // Beside a table of counts an array is where keys wait: a few at a time would not pay.
  reserve_keys(sample, sample->dense != nullptr && sample->key_capacity < least_waiting ? least_waiting : 1, memory);
}

void add_wide(Sample* sample, std::int64_t key, const unsigned char* bytes, std::uint32_t length,
              std::pmr::memory_resource* memory) {
  Wide* wide = wide_of(sample, memory);
  Value* value = new_wide(wide, memory);
  Bytes* copy = new_bytes(wide, length, memory);
  std::memcpy(copy->data(), bytes, length);
  *value = Value{key, copy};
  wide->count++;
  sample->count++;
}

void add_decimal(Sample* sample, const Decimal& decimal, std::pmr::memory_resource* memory, std::uint64_t budget) {
  if (!sample->scale_known) {
    sample->groups = static_cast<std::uint8_t>(first_scale(decimal));
    sample->scale_known = true;
  }
  std::int64_t key;
  if (decimal_key_fast(decimal, sample->groups, &key)) {
    while (!add_key(sample, key)) make_room(sample, memory, budget);
    return;
  }
  add_wide_decimal(sample, decimal, key, memory);
  consider_finer_scale(sample, memory, budget);
}

void add_interval(Sample* sample, const IntervalParts& parts, std::pmr::memory_resource* memory) {
  unsigned char bytes[interval_length];
  const std::int64_t key = write_interval(parts, bytes);
  add_wide(sample, key, bytes, interval_length, memory);
}

}  // namespace dap::quantile
