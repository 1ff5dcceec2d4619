// Rows lie one behind the other in chunks, as they came. Where their keys ascend already, which files by number or
// time do, that is all: they are given out as they lie. Else each gets an entry, its key's first eight bytes and where
// it lies; entries are sorted by the digits of those eight bytes that differ at all, those that have them in common by
// the next eight bytes, and so on. Of the rows of one key the latest is then found by looking at each.
#include "engine/row/row_set.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace dap::row {

namespace {

constexpr std::size_t first_chunk_bytes = std::size_t{256} << 10;
// Many fit into a slab of some megabytes, from which memory for much is cut.
constexpr std::size_t largest_chunk_bytes = std::size_t{496} << 10;
constexpr std::size_t between_looks = std::size_t{1} << 14;  // at the stop flag: some milliseconds at most
constexpr std::size_t worth_digits = 512;
constexpr int digit_bits = 11;
constexpr std::size_t digit_values = std::size_t{1} << digit_bits;

// Eight bytes of a key's image as a number, zeros where it is shorter; part 0 is the row's `key`.
std::uint64_t key_part(const Row& row, std::size_t part) {
  const std::size_t at = (part - 1) * sizeof(std::uint64_t);
  std::uint64_t value = 0;
  if (at >= row.key_rest) return value;
  std::memcpy(&value, row.key_bytes() + at, std::min(sizeof value, row.key_rest - at));
  return __builtin_bswap64(value);
}

// Calls `work` with the bounds of slices, one after the other, of about so many steps that they take a millisecond;
// false if it was stopped between two of them.
template <class Work>
bool in_slices(std::size_t count, const volatile std::sig_atomic_t* stop, Work&& work) {
  for (std::size_t first = 0; first < count;) {
    if (stop != nullptr && *stop != 0) return false;
    const std::size_t end = std::min(count, first + between_looks);
    work(first, end);
    first = end;
  }
  return true;
}

}  // namespace

std::size_t RowSet::next_chunk(std::size_t bytes) const {
  const std::size_t size =
      last_chunk_ == nullptr ? first_chunk_bytes : std::min(last_chunk_->bytes * 2, largest_chunk_bytes);
  return std::max(size, bytes + chunk_header);
}

std::size_t RowSet::memory_after(std::size_t bytes) const {
  const std::size_t chunk = next_chunk(bytes);
  // As many rows as fit if they are as long as those before; their order may end with the next one.
  const std::size_t rows = count_ == 0 ? 0 : count_ * (chunk_bytes_ + chunk) / chunk_bytes_;
  return chunk_bytes_ + chunk + rows * 2 * sizeof(Entry);
}

void RowSet::make_room(std::size_t bytes) {
  if (has_room(bytes)) return;
  const std::size_t size = next_chunk(bytes);
  auto* chunk = static_cast<Chunk*>(memory_->allocate(size, alignof(Chunk)));
  *chunk = {nullptr, size, 0};
  (last_chunk_ == nullptr ? chunks_ : last_chunk_->next) = chunk;
  last_chunk_ = chunk;
  chunk_bytes_ += size;
  at_ = reinterpret_cast<unsigned char*>(chunk) + chunk_header;
  room_ = size - chunk_header;
}

void RowSet::added() {
  const Row* row = next();
  if (in_order_ && last_ != nullptr) in_order_ = compare_keys(*last_, *row) < 0;
  last_ = row;
  longest_key_rest_ = std::max<std::size_t>(longest_key_rest_, row->key_rest);
  const std::size_t bytes = row_bytes(*row);
  at_ += bytes;
  room_ -= bytes;
  last_chunk_->used += bytes;
  count_++;
}

bool RowSet::keep_latest(StopFlag stop) {
  given_ = 0;
  giving_ = chunks_;
  giving_at_ = 0;
  if (in_order_) {
    kept_ = count_;
    return true;
  }
  if (entries_ == nullptr) {
    const std::size_t room = 2 * count_;
    entries_ = static_cast<Entry*>(memory_->allocate(room * sizeof(Entry), alignof(Entry)));
    entry_room_ = room;
  }
  return make_entries(stop) && sort_range(0, count_, 0, stop) && drop_earlier(stop);
}

bool RowSet::make_entries(StopFlag stop) {
  Entry* entry = entries_;
  for (const Chunk* chunk = chunks_; chunk != nullptr; chunk = chunk->next) {
    if (stopped(stop)) return false;
    const unsigned char* at = reinterpret_cast<const unsigned char*>(chunk) + chunk_header;
    for (const unsigned char* end = at + chunk->used; at != end; entry++) {
      const auto* row = reinterpret_cast<const Row*>(at);
      *entry = {row->key, row};
      at += row_bytes(*row);
    }
  }
  return true;
}

// Sorts entries by the eight bytes of their keys' images that `depth` tells, then those that have these in common by
// the next eight.
bool RowSet::sort_range(std::size_t first, std::size_t count, std::size_t depth, StopFlag stop) {
  Entry* entries = entries_ + first;
  if (depth > 0 && !in_slices(count, stop, [&](std::size_t i, std::size_t end) {
        for (; i < end; i++) entries[i].key = key_part(*entries[i].row, depth);
      }))
    return false;
  if (!sort_by_part(entries, entries_ + count_ + first, count, stop)) return false;
  const std::size_t covered = depth * sizeof(std::uint64_t);  // of the rest of the key
  if (longest_key_rest_ <= covered) return true;
  for (std::size_t i = 0; i < count;) {
    std::size_t end = i + 1;
    std::size_t longest = entries[i].row->key_rest;
    for (; end < count && entries[end].key == entries[i].key; end++) {
      if (end % between_looks == 0 && stopped(stop)) return false;
      longest = std::max<std::size_t>(longest, entries[end].row->key_rest);
    }
    if (i / between_looks != end / between_looks && stopped(stop)) return false;
    if (end - i > 1 && longest > covered) {
      if (end - i < worth_digits) {
        std::stable_sort(entries + i, entries + end,
                         [](const Entry& a, const Entry& b) { return compare_keys(*a.row, *b.row) < 0; });
      } else if (!sort_range(first + i, end - i, depth + 1, stop)) {
        return false;
      }
    }
    i = end;
  }
  return !stopped(stop);
}

// By the digits in which the parts differ, from the last one: a stable sort.
bool RowSet::sort_by_part(Entry* entries, Entry* scratch, std::size_t count, StopFlag stop) {
  const auto by_part = [](const Entry& a, const Entry& b) { return a.key < b.key; };
  if (count < worth_digits) {
    std::stable_sort(entries, entries + count, by_part);
    return true;
  }
  std::uint64_t base = entries->key, greatest = base;
  if (!in_slices(count, stop, [&](std::size_t i, std::size_t end) {
        for (; i < end; i++) {
          base = std::min(base, entries[i].key);
          greatest = std::max(greatest, entries[i].key);
        }
      }))
    return false;
  const int bits = static_cast<int>(std::bit_width(greatest - base));
  Entry *from = entries, *to = scratch;
  for (int shift = 0; shift < bits; shift += digit_bits) {
    const auto digit = [base, shift](const Entry& entry) { return (entry.key - base) >> shift & (digit_values - 1); };
    std::size_t places[digit_values] = {};
    const auto tally = [&](std::size_t i, std::size_t end) {
      for (; i < end; i++) places[digit(from[i])]++;
    };
    if (!in_slices(count, stop, tally)) return false;
    std::size_t place = 0;
    for (std::size_t& next : places) place += std::exchange(next, place);
    const auto scatter = [&](std::size_t i, std::size_t end) {
      for (; i < end; i++) to[places[digit(from[i])]++] = from[i];
    };
    if (!in_slices(count, stop, scatter)) return false;
    std::swap(from, to);
  }
  return from == entries ||
         in_slices(count, stop, [&](std::size_t i, std::size_t end) { std::copy(from + i, from + end, entries + i); });
}

bool RowSet::drop_earlier(StopFlag stop) {
  kept_ = 0;
  // Where parts are whole keys the rows themselves need not be looked at.
  const auto same_key = [this](const Entry& a, const Entry& b) {
    return a.key == b.key && (longest_key_rest_ == 0 || compare_keys(*a.row, *b.row) == 0);
  };
  return in_slices(count_, stop, [&](std::size_t i, std::size_t end) {
    for (; i < end; i++) {
      if (kept_ == 0 || !same_key(entries_[kept_ - 1], entries_[i])) entries_[kept_++] = entries_[i];
      else if (is_later(*entries_[i].row, *entries_[kept_ - 1].row)) entries_[kept_ - 1] = entries_[i];
    }
  });
}

const Row* RowSet::next_in_order() {
  if (given_ == kept_) return nullptr;
  given_++;
  if (!in_order_) {
    // Rows are looked at in another order than they lie in.
    if (given_ + 8 < kept_) __builtin_prefetch(entries_[given_ + 8].row);
    return entries_[given_ - 1].row;
  }
  while (giving_at_ == giving_->used) {
    giving_ = giving_->next;
    giving_at_ = 0;
  }
  const auto* row =
      reinterpret_cast<const Row*>(reinterpret_cast<const unsigned char*>(giving_) + chunk_header + giving_at_);
  giving_at_ += row_bytes(*row);
  return row;
}

void RowSet::clear() {
  for (Chunk* chunk = chunks_; chunk != nullptr;) {
    Chunk* next = chunk->next;
    memory_->deallocate(chunk, chunk->bytes, alignof(Chunk));
    chunk = next;
  }
  if (entries_ != nullptr) memory_->deallocate(entries_, entry_room_ * sizeof(Entry), alignof(Entry));
  *this = RowSet(memory_);
}

}  // namespace dap::row
