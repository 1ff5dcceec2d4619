#include "engine/quantile/selector.h"

#include <algorithm>
#include <bit>
#include <new>

namespace dap::quantile {

namespace {

constexpr std::uint64_t few = 1024;       // so many are sorted without a histogram
constexpr std::uint64_t most_buckets = 1 << 15;
constexpr std::uint64_t slot_count = 1 << 13;

std::uint64_t distance(std::int64_t low, std::int64_t key) {
  return static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(low);
}

// The shift that brings 0..span below `count`, a power of two.
int shift_for(std::uint64_t span, std::uint64_t count) {
  return std::max(0, static_cast<int>(std::bit_width(span)) - static_cast<int>(std::bit_width(count) - 1));
}

std::uint64_t bucket_count_for(std::uint64_t held) {
  return std::clamp<std::uint64_t>(std::bit_ceil(held / 8), 256, most_buckets);
}

}  // namespace

Selector::Selector(std::pmr::memory_resource* memory, const std::uint64_t* ranks, std::size_t rank_count, std::int64_t low,
                   std::int64_t high, std::uint64_t count, std::uint64_t capacity)
    : memory_(memory), ranks_(ranks), results_(allocate<Value>(rank_count)), capacity_(std::max(capacity, few)) {
  Problem all{low, high, 0, rank_count, 0, count, nullptr, 0, 0};
  if (count <= few || low == high)
    push(&small_, &small_count_, &small_capacity_, all);
  else
    push(&waiting_, &waiting_count_, &waiting_capacity_, all);
}

void Selector::push(Problem** list, std::size_t* count, std::size_t* capacity, const Problem& problem) {
  if (*count == *capacity) {
    const std::size_t wanted = *capacity == 0 ? 8 : *capacity * 2;
    auto* grown = allocate<Problem>(wanted);
    std::copy_n(*list, *count, grown);
    if (*list != nullptr) memory_->deallocate(*list, *capacity * sizeof(Problem), alignof(Problem));
    *list = grown;
    *capacity = wanted;
  }
  (*list)[(*count)++] = problem;
}

bool Selector::next_pass() {
  if (mode_ == Mode::histogram) split();
  if (mode_ == Mode::collect) answer();
  if (waiting_count_ > 0) {
    begin_histogram(waiting_[--waiting_count_]);
    return true;
  }
  if (small_count_ > 0) {
    begin_collect();
    return true;
  }
  mode_ = Mode::start;
  return false;
}

void Selector::begin_histogram(const Problem& problem) {
  current_ = problem;
  bucket_count_ = bucket_count_for(problem.held);
  if (bucket_count_ > bucket_capacity_) {
    if (buckets_ != nullptr) memory_->deallocate(buckets_, bucket_capacity_ * sizeof *buckets_, alignof(std::uint64_t));
    buckets_ = allocate<std::uint64_t>(bucket_count_);
    bucket_capacity_ = bucket_count_;
  }
  std::fill_n(buckets_, bucket_count_, 0);
  shift_ = shift_for(distance(problem.low, problem.high), bucket_count_);
  mode_ = Mode::histogram;
}

// The histogram's buckets that hold a rank become problems of their own.
void Selector::split() {
  std::uint64_t before = current_.before;
  std::size_t rank = current_.first;
  for (std::uint64_t bucket = 0; bucket < bucket_count_ && rank < current_.last; bucket++) {
    const std::uint64_t held = buckets_[bucket];
    const std::size_t first = rank;
    while (rank < current_.last && ranks_[rank] < before + held) rank++;
    if (rank > first) {
      const std::uint64_t from = bucket << shift_;
      const std::uint64_t to = std::min(distance(current_.low, current_.high), from + ((std::uint64_t{1} << shift_) - 1));
      const auto base = static_cast<std::uint64_t>(current_.low);
      const Problem problem{static_cast<std::int64_t>(base + from), static_cast<std::int64_t>(base + to), first, rank, before, held,
                            nullptr, 0, 0};
      const bool is_small = problem.low == problem.high || held <= few || (held <= capacity_ && held <= current_.held / 8);
      if (is_small)
        push(&small_, &small_count_, &small_capacity_, problem);
      else
        push(&waiting_, &waiting_count_, &waiting_capacity_, problem);
    }
    before += held;
  }
  mode_ = Mode::start;
}

void Selector::begin_collect() {
  std::sort(small_, small_ + small_count_, [](const Problem& a, const Problem& b) { return a.low < b.low; });
  std::uint64_t room = 0;
  for (collecting_ = 0; collecting_ < small_count_; collecting_++) {
    const Problem& problem = small_[collecting_];
    room += problem.low == problem.high ? 1 : problem.held;
    if (collecting_ > 0 && room > capacity_) break;
  }
  slot_low_ = small_[0].low;
  slot_high_ = small_[collecting_ - 1].high;
  if (collecting_ > 1) {
    if (slots_ == nullptr) slots_ = allocate<std::uint32_t>(slot_count);
    std::fill_n(slots_, slot_count, 0);
    slot_shift_ = shift_for(distance(slot_low_, slot_high_), slot_count);
    for (std::size_t i = collecting_; i > 0; i--) {
      const std::uint64_t from = distance(slot_low_, small_[i - 1].low) >> slot_shift_;
      const std::uint64_t to = distance(slot_low_, small_[i - 1].high) >> slot_shift_;
      for (std::uint64_t slot = from; slot <= to; slot++) slots_[slot] = static_cast<std::uint32_t>(i);
    }
  }
  mode_ = Mode::collect;
}

Selector::Problem* Selector::problem_of(std::int64_t key) {
  if (key < slot_low_ || key > slot_high_) return nullptr;
  if (collecting_ == 1) return &small_[0];
  std::size_t i = slots_[distance(slot_low_, key) >> slot_shift_];
  if (i == 0) return nullptr;
  for (i--; i < collecting_ && small_[i].low <= key; i++)
    if (key <= small_[i].high) return &small_[i];
  return nullptr;
}

void Selector::gather(Problem* problem, const Value& value, std::uint64_t count) {
  if (problem->low == problem->high && value.bytes == nullptr && problem->gathered > 0 && problem->candidates[0].value.bytes == nullptr) {
    problem->candidates[0].count += count;
    return;
  }
  if (problem->gathered == problem->room) {
    const std::uint64_t room = problem->room == 0 ? (problem->low == problem->high ? 1 : std::min(problem->held, capacity_)) : problem->room * 2;
    auto* grown = allocate<Candidate>(room);
    std::copy_n(problem->candidates, problem->gathered, grown);
    if (problem->candidates != nullptr) memory_->deallocate(problem->candidates, problem->room * sizeof(Candidate), alignof(Candidate));
    problem->candidates = grown;
    problem->room = room;
  }
  problem->candidates[problem->gathered++] = Candidate{value, count};
  // The plain one stands first, where its equals are counted.
  if (problem->low == problem->high && value.bytes == nullptr) std::swap(problem->candidates[0], problem->candidates[problem->gathered - 1]);
}

void Selector::answer() {
  for (std::size_t p = 0; p < collecting_; p++) {
    Problem& problem = small_[p];
    Candidate* const end = problem.candidates + problem.gathered;
    const bool plain = std::all_of(problem.candidates, end, [](const Candidate& c) { return c.count == 1 && c.value.bytes == nullptr; });
    if (plain && problem.last - problem.first <= 4) {
      auto* keys = allocate<std::int64_t>(problem.gathered);
      for (std::uint64_t i = 0; i < problem.gathered; i++) keys[i] = problem.candidates[i].value.key;
      std::int64_t* from = keys;
      for (std::size_t rank = problem.first; rank < problem.last; rank++) {
        std::int64_t* const at = keys + (ranks_[rank] - problem.before);
        std::nth_element(from, at, keys + problem.gathered);
        results_[rank] = Value{*at, nullptr};
        from = at;
      }
      memory_->deallocate(keys, problem.gathered * sizeof *keys, alignof(std::int64_t));
    } else {
      std::sort(problem.candidates, end, [](const Candidate& a, const Candidate& b) { return compare(a.value, b.value) < 0; });
      std::uint64_t before = problem.before;
      std::size_t rank = problem.first;
      for (const Candidate* candidate = problem.candidates; candidate < end && rank < problem.last; candidate++) {
        before += candidate->count;
        while (rank < problem.last && ranks_[rank] < before) results_[rank++] = candidate->value;
      }
    }
    if (problem.candidates != nullptr) memory_->deallocate(problem.candidates, problem.room * sizeof(Candidate), alignof(Candidate));
  }
  std::copy(small_ + collecting_, small_ + small_count_, small_);
  small_count_ -= collecting_;
  mode_ = Mode::start;
}

void Selector::feed_keys(const std::int64_t* keys, std::size_t count) {
  if (mode_ == Mode::histogram) {
    const std::uint64_t span = distance(current_.low, current_.high);
    const auto low = static_cast<std::uint64_t>(current_.low);
    const int shift = shift_;
    std::uint64_t* const buckets = buckets_;
    for (std::size_t i = 0; i < count; i++) {
      const std::uint64_t at = static_cast<std::uint64_t>(keys[i]) - low;
      if (at <= span) buckets[at >> shift]++;
    }
    return;
  }
  const std::uint64_t span = distance(slot_low_, slot_high_);
  const auto low = static_cast<std::uint64_t>(slot_low_);
  for (std::size_t i = 0; i < count; i++) {
    if (static_cast<std::uint64_t>(keys[i]) - low > span) continue;
    if (Problem* problem = problem_of(keys[i])) gather(problem, Value{keys[i], nullptr}, 1);
  }
}

void Selector::feed_dense(const Dense& dense) {
  const std::uint64_t span = distance(current_.low, current_.high);
  for (std::uint64_t i = 0; i < dense.length; i++) {
    const std::uint32_t times = dense.counts[i];
    if (times == 0) continue;
    const auto key = static_cast<std::int64_t>(static_cast<std::uint64_t>(dense.base) + i * dense.unit);
    if (mode_ == Mode::histogram) {
      const std::uint64_t at = distance(current_.low, key);
      if (at <= span) buckets_[at >> shift_] += times;
    } else if (Problem* problem = problem_of(key)) {
      gather(problem, Value{key, nullptr}, times);
    }
  }
}

void Selector::feed_wide(std::int64_t key, const unsigned char* bytes, std::uint32_t length) {
  if (mode_ == Mode::histogram) {
    const std::uint64_t at = distance(current_.low, key);
    if (at <= distance(current_.low, current_.high)) buckets_[at >> shift_]++;
    return;
  }
  Problem* problem = problem_of(key);
  if (problem == nullptr) return;
  auto* copy = static_cast<Bytes*>(memory_->allocate(sizeof(Bytes) + length, alignof(std::uint64_t)));
  new (copy) Bytes{length};
  std::memcpy(copy->data(), bytes, length);
  gather(problem, Value{key, copy}, 1);
}

void Selector::feed_sample(const Sample& sample) {
  feed_keys(sample.keys, sample.key_count);
  if (sample.dense != nullptr) feed_dense(*sample.dense);
  if (sample.wide == nullptr) return;
  for (std::uint32_t i = 0; i < sample.wide->count; i++) {
    const Value& value = sample.wide->values[i];
    feed_wide(value.key, value.bytes->data(), value.bytes->length);
  }
}

}  // namespace dap::quantile
