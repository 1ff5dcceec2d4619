#include "engine/group/items.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

namespace dap::group {

namespace {

constexpr std::uint64_t sign = std::uint64_t{1} << 63;
constexpr std::uint32_t digit_bits = 11, digits = 1U << digit_bits;
constexpr std::uint32_t most_passes = (64 + digit_bits - 1) / digit_bits;
constexpr std::uint64_t few = 512;  // sorted by comparisons

std::uint64_t ordered(std::int64_t value) { return static_cast<std::uint64_t>(value) ^ sign; }

// The three forms of an entry.
struct Value {
  std::uint64_t item;
  std::uint64_t key() const { return item; }
  std::int64_t amount() const { return 0; }
};
// Pairs of 32-bit numbers.
struct Packed {
  std::uint64_t both;
  std::uint64_t key() const {
    return ordered(static_cast<std::int32_t>(static_cast<std::uint32_t>(both >> 32) ^ 0x80000000U));
  }
  std::int64_t amount() const { return static_cast<std::int32_t>(static_cast<std::uint32_t>(both)); }
};
struct Pair {
  std::uint64_t item;
  std::int64_t second;
  std::uint64_t key() const { return item; }
  std::int64_t amount() const { return second; }
};

template <class Use>
auto by_form(const ItemSort& sort, Use use) {
  switch (sort.form) {
    case ItemSort::Form::value: return use(Value{});
    case ItemSort::Form::packed: return use(Packed{});
    default: return use(Pair{});
  }
}

std::size_t entry_size(const ItemSort& sort) { return sort.form == ItemSort::Form::pair ? 16 : 8; }

std::uint32_t* counters(ItemSort* sort) {
  return static_cast<std::uint32_t*>(scratch(sort->work, 2, most_passes * digits * sizeof(std::uint32_t)));
}

void put_entry(Value* entry, std::int64_t first, std::int64_t) { entry->item = ordered(first); }
void put_entry(Packed* entry, std::int64_t first, std::int64_t second) {
  entry->both =
      std::uint64_t{static_cast<std::uint32_t>(first) ^ 0x80000000U} << 32 | static_cast<std::uint32_t>(second);
}
void put_entry(Pair* entry, std::int64_t first, std::int64_t second) {
  entry->item = ordered(first);
  entry->second = second;
}

template <class Entry>
void gather(ItemSort* sort, std::uint32_t most) {
  constexpr std::uint32_t piece = 512;
  std::int64_t first[piece], second[piece] = {};
  auto* out = reinterpret_cast<Entry*>(sort->from) + sort->done;
  std::uint64_t low = sort->low, high = sort->high;
  for (std::uint32_t done = 0; done < most;) {
    const std::uint32_t count =
        read_list(&sort->reader, first, sort->columns == 2 ? second : nullptr, std::min(piece, most - done));
    if (count == 0) break;
    for (std::uint32_t i = 0; i < count; i++) {
      const std::uint64_t key = ordered(first[i]);
      low = std::min(low, key);
      high = std::max(high, key);
      put_entry(out++, first[i], second[i]);
    }
    done += count;
    sort->done += count;
  }
  sort->low = low;
  sort->high = high;
}

// Counts each digit of each entry, for all passes at once.
template <class Entry>
void count_digits(ItemSort* sort, std::uint64_t end) {
  std::uint32_t* const counts = counters(sort);
  const auto* const entries = reinterpret_cast<const Entry*>(sort->from);
  for (std::uint64_t i = sort->done; i < end; i++) {
    std::uint64_t key = entries[i].key() - sort->low;
    for (std::uint32_t pass = 0; pass < sort->passes; pass++, key >>= digit_bits)
      counts[pass * digits + (key & (digits - 1))]++;
  }
}

template <class Entry>
void scatter(ItemSort* sort, std::uint64_t end) {
  std::uint32_t* const places = counters(sort) + sort->pass * digits;
  const auto* const entries = reinterpret_cast<const Entry*>(sort->from);
  auto* const out = reinterpret_cast<Entry*>(sort->to);
  const std::uint32_t shift = sort->pass * digit_bits;
  for (std::uint64_t i = sort->done; i < end; i++)
    out[places[((entries[i].key() - sort->low) >> shift) & (digits - 1)]++] = entries[i];
}

template <class Entry>
void sort_few(ItemSort* sort) {
  auto* const entries = reinterpret_cast<Entry*>(sort->from);
  std::sort(entries, entries + sort->count, [](const Entry& a, const Entry& b) { return a.key() < b.key(); });
}

// Counts become the places where each digit's entries begin.
void counts_to_places(std::uint32_t* counts) {
  std::uint32_t place = 0;
  for (std::uint32_t digit = 0; digit < digits; digit++) place += std::exchange(counts[digit], place);
}

void begin_scatter(ItemSort* sort) {
  sort->done = 0;
  if (sort->pass == sort->passes) {
    sort->phase = ItemSort::Phase::sorted;
    return;
  }
  sort->phase = ItemSort::Phase::scatter;
  counts_to_places(counters(sort) + sort->pass * digits);
}

void end_gather(ItemSort* sort) {
  sort->done = 0;
  const auto bits = static_cast<std::uint32_t>(sort->count == 0 ? 0 : std::bit_width(sort->high - sort->low));
  sort->passes = (bits + digit_bits - 1) / digit_bits;
  if (sort->passes == 0 || sort->count <= few) {
    if (sort->passes > 0) by_form(*sort, [sort](auto entry) { sort_few<decltype(entry)>(sort); });
    sort->phase = ItemSort::Phase::sorted;
    return;
  }
  sort->phase = ItemSort::Phase::count;
  std::memset(counters(sort), 0, sort->passes * digits * sizeof(std::uint32_t));
}

void step_phase(ItemSort* sort) {
  const std::uint64_t end = std::min(sort->count, sort->done + entries_at_a_time);
  if (sort->phase == ItemSort::Phase::gather) {
    by_form(*sort, [sort](auto entry) { gather<decltype(entry)>(sort, entries_at_a_time); });
    if (sort->done == sort->count) end_gather(sort);
  } else if (sort->phase == ItemSort::Phase::count) {
    by_form(*sort, [sort, end](auto entry) { count_digits<decltype(entry)>(sort, end); });
    sort->done = end;
    if (end == sort->count) begin_scatter(sort);
  } else {
    by_form(*sort, [sort, end](auto entry) { scatter<decltype(entry)>(sort, end); });
    sort->done = end;
    if (end < sort->count) return;
    std::swap(sort->from, sort->to);
    sort->pass++;
    begin_scatter(sort);
  }
}

bool better(const ItemSum& a, const ItemSum& b) { return a.sum > b.sum || (a.sum == b.sum && a.item < b.item); }

void consider(ItemTotals* totals, const ItemSum& item) {
  if (totals->wanted == 0) return;
  if (totals->count == totals->wanted) {
    if (!better(item, totals->top[totals->count - 1])) return;
    totals->count--;
  }
  ItemSum* const end = totals->top + totals->count;
  ItemSum* const place = std::upper_bound(totals->top, end, item, better);
  std::move_backward(place, end, end + 1);
  *place = item;
  totals->count++;
}

template <class Entry>
bool read_item(ItemSort* sort, ItemSum* item) {
  const auto* const entries = reinterpret_cast<const Entry*>(sort->from);
  std::uint64_t i = sort->next;
  if (i == sort->count) return false;
  const std::uint64_t key = entries[i].key();
  Int128 sum = 0;
  for (; i < sort->count && entries[i].key() == key; i++) sum += entries[i].amount();
  *item = ItemSum{static_cast<std::int64_t>(key ^ sign), sum, i - sort->next};
  sort->next = i;
  return true;
}

template <class Entry>
void read_totals(ItemSort* sort, ItemTotals* totals) {
  const std::uint64_t stop = sort->next + entries_at_a_time;
  ItemSum item;
  while (sort->next < stop && read_item<Entry>(sort, &item)) {
    totals->distinct++;
    totals->total += item.sum;
    consider(totals, item);
  }
}

}  // namespace

void begin_items(ItemSort* sort, const List& list, std::uint32_t columns, Workspace* work) {
  *sort = ItemSort{};
  sort->list = &list;
  sort->work = work;
  sort->columns = columns;
  sort->form = columns == 1 ? ItemSort::Form::value : list.wide ? ItemSort::Form::pair : ItemSort::Form::packed;
  sort->count = entry_count(list);
  sort->low = UINT64_MAX;
  open_list(&sort->reader, list, columns);
}

bool step_items(ItemSort* sort) {
  if (sort->phase == ItemSort::Phase::sorted) return false;
  if (sort->from == nullptr) {
    if (sort->count > UINT32_MAX) throw std::bad_alloc();
    const std::size_t size = std::max<std::size_t>(1, sort->count) * entry_size(*sort);
    sort->from = static_cast<unsigned char*>(scratch(sort->work, 0, size));
    sort->to = static_cast<unsigned char*>(scratch(sort->work, 1, size));
  }
  // Of a short list all at once.
  do step_phase(sort);
  while (sort->phase != ItemSort::Phase::sorted && sort->count <= entries_at_a_time);
  return sort->phase != ItemSort::Phase::sorted;
}

bool next_item(ItemSort* sort, ItemSum* item) {
  return by_form(*sort, [=](auto entry) { return read_item<decltype(entry)>(sort, item); });
}

bool step_totals(ItemSort* sort, ItemTotals* totals) {
  by_form(*sort, [=](auto entry) { read_totals<decltype(entry)>(sort, totals); });
  return sort->next < sort->count;
}

}  // namespace dap::group
