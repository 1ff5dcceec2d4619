#include "engine/group/order.h"

#include <algorithm>
#include <bit>
#include <new>

namespace dap::group {

namespace {

constexpr std::uint64_t short_list = 4 * entries_at_a_time;  // answered in one step
constexpr std::uint64_t few_values = 256;
constexpr int most_bucket_bits = 12;
constexpr std::uint32_t many_ranks = 16;  // each may need a pass: then it is better to sort

std::uint64_t distance(std::int64_t low, std::int64_t value) {
  return static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(low);
}

// A column of the next entries, up to `most`.
std::uint32_t read_column(RankSearch* search, std::int64_t* values, std::int64_t* other, std::uint32_t most) {
  return search->column == 0 ? read_list(&search->reader, values, nullptr, most)
                             : read_list(&search->reader, other, values, most);
}

void find_bounds(RankSearch* search, const std::int64_t* values, std::uint64_t count) {
  std::int64_t low = search->low, high = search->high;
  for (std::uint64_t i = 0; i < count; i++) {
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
  }
  search->low = low;
  search->high = high;
}

void answer_sorted(RankSearch* search, std::int64_t* values) {
  std::sort(values, values + search->count);
  for (std::uint32_t r = 0; r < search->rank_count; r++) search->results[r] = values[search->ranks[r]];
}

// All values of one bucket, in order as far as the ranks need; `before` is how many values lie below it.
void answer_bucket(RankSearch* search, std::int64_t* values, std::uint64_t count, std::uint64_t before,
                   std::uint32_t from, std::uint32_t to) {
  std::int64_t* begin = values;
  for (std::uint32_t r = from; r < to; r++) {
    std::int64_t* const wanted = values + (search->ranks[r] - before);
    if (wanted >= begin) {
      std::nth_element(begin, wanted, values + count);
      begin = wanted + 1;  // what is before is no greater
    }
    search->results[r] = *wanted;
  }
}

// A histogram of all values finds the buckets of the ranks; only what is in these is looked at again.
void answer_short(RankSearch* search) {
  const std::uint64_t count = search->count;
  auto* const values = static_cast<std::int64_t*>(scratch(search->work, 0, count * sizeof(std::int64_t)));
  auto* const other = static_cast<std::int64_t*>(scratch(search->work, 1, count * sizeof(std::int64_t)));
  read_column(search, values, other, static_cast<std::uint32_t>(count));
  if (count <= few_values || search->rank_count > many_ranks) return answer_sorted(search, values);
  find_bounds(search, values, count);
  const int bits = static_cast<int>(std::bit_width(distance(search->low, search->high)));
  const int bucket_bits = std::min(static_cast<int>(std::bit_width(count / 8)), most_bucket_bits);
  const int shift = std::max(0, bits - bucket_bits);
  std::uint32_t buckets[1U << most_bucket_bits];
  const std::uint32_t bucket_count = 1U << bucket_bits;
  std::fill_n(buckets, bucket_count, 0);
  for (std::uint64_t i = 0; i < count; i++) buckets[distance(search->low, values[i]) >> shift]++;
  std::uint64_t before = 0;
  std::uint32_t bucket = 0;
  for (std::uint32_t r = 0; r < search->rank_count;) {
    while (before + buckets[bucket] <= search->ranks[r]) before += buckets[bucket++];
    std::uint32_t behind = r + 1;
    while (behind < search->rank_count && search->ranks[behind] < before + buckets[bucket]) behind++;
    std::uint64_t gathered = 0;
    for (std::uint64_t i = 0; i < count; i++) {
      other[gathered] = values[i];
      gathered += static_cast<std::uint64_t>(distance(search->low, values[i]) >> shift == bucket);
      if (gathered == buckets[bucket]) break;
    }
    answer_bucket(search, other, gathered, before, r, behind);
    r = behind;
  }
}

// A long list goes through a selector, a pass for its bounds first.
bool step_long(RankSearch* search) {
  constexpr std::size_t size = entries_at_a_time * sizeof(std::int64_t);
  auto* const values = static_cast<std::int64_t*>(scratch(search->work, 0, size));
  auto* const other = static_cast<std::int64_t*>(scratch(search->work, 1, size));
  const std::uint32_t count = read_column(search, values, other, entries_at_a_time);
  if (count > 0) {
    if (search->bounded) search->selector->feed_keys(values, count);
    else find_bounds(search, values, count);
    return true;
  }
  if (!search->bounded) {
    search->bounded = true;
    void* const place = search->temporary->allocate(sizeof(quantile::Selector), alignof(quantile::Selector));
    search->selector = new (place) quantile::Selector(search->temporary, search->ranks, search->rank_count, search->low,
                                                      search->high, search->count, entries_at_a_time);
  }
  if (search->selector->next_pass()) {
    open_list(&search->reader, *search->list, search->columns);
    return true;
  }
  for (std::uint32_t r = 0; r < search->rank_count; r++) search->results[r] = search->selector->result(r).key;
  return false;
}

}  // namespace

void begin_ranks(RankSearch* search, const List& list, std::uint32_t columns, std::uint32_t column,
                 const std::uint64_t* ranks, std::uint32_t rank_count, std::int64_t* results, Workspace* work,
                 std::pmr::memory_resource* temporary) {
  *search = RankSearch{&list,     columns,           column, ranks,     rank_count, results, work,
                       temporary, entry_count(list), {},     INT64_MAX, INT64_MIN,  false,   nullptr};
  open_list(&search->reader, list, columns);
}

bool step_ranks(RankSearch* search) {
  if (search->rank_count == 0 || search->count == 0) return false;
  if (search->count > short_list) return step_long(search);
  answer_short(search);
  return false;
}

}  // namespace dap::group
