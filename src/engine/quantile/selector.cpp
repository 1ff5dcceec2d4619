// Like a radix selection, but over data that is read anew in each pass. It begins with one problem: all ranks, among
// all keys. A pass for a large problem counts a histogram of its range (selector_feed.cpp), and split() makes each
// bucket in which a rank falls a problem of its own, with how many values stand before it; the others are never looked
// at again. Problems small enough to be held are collected, many in one pass, each into its own list, and answered by
// sorting or nth_element. A key is what of a value fits into 64 bits: where they are all equal and the values go on,
// divide() makes the next bytes that differ the keys of a problem "within a prefix". Each problem gets narrower with
// each pass, so it ends.
#include "engine/quantile/selector.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <new>

namespace dap::quantile {

namespace {

constexpr std::uint64_t few = 1024;  // so many are sorted without a histogram
constexpr std::uint64_t most_buckets = 1 << 15;
constexpr std::uint64_t slot_count = 1 << 13;

// The shift that brings 0..span below `count`, a power of two.
int shift_for(std::uint64_t span, std::uint64_t count) {
  return std::max(0, static_cast<int>(std::bit_width(span)) - static_cast<int>(std::bit_width(count) - 1));
}

std::uint64_t bucket_count_for(std::uint64_t held) {
  return std::clamp<std::uint64_t>(std::bit_ceil(held / 8), 256, most_buckets);
}

}  // namespace

Selector::Selector(std::pmr::memory_resource* memory, const std::uint64_t* ranks, std::size_t rank_count,
                   std::int64_t low, std::int64_t high, std::uint64_t count, std::uint64_t capacity)
    : memory_(memory),
      ranks_(ranks),
      results_(allocate<Value>(rank_count)),
      capacity_(std::max(capacity, few)),
      most_bytes_(capacity_ * 32) {
  Problem all{};
  all.low = low;
  all.high = high;
  all.last = rank_count;
  all.held = count;
  if (count <= few || low == high) push(&small_, &small_count_, &small_capacity_, all);
  else push(&waiting_, &waiting_count_, &waiting_capacity_, all);
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
      const std::uint64_t to =
          std::min(distance(current_.low, current_.high), from + ((std::uint64_t{1} << shift_) - 1));
      const auto base = static_cast<std::uint64_t>(current_.low);
      Problem problem{};
      problem.low = static_cast<std::int64_t>(base + from);
      problem.high = static_cast<std::int64_t>(base + to);
      problem.first = first;
      problem.last = rank;
      problem.before = before;
      problem.held = held;
      problem.prefix = current_.prefix;
      const bool is_small =
          problem.low == problem.high || held <= few || (held <= capacity_ && held <= current_.held / 8);
      if (is_small) push(&small_, &small_count_, &small_capacity_, problem);
      else push(&waiting_, &waiting_count_, &waiting_capacity_, problem);
    }
    before += held;
  }
  mode_ = Mode::start;
}

void Selector::begin_collect() {
  gathered_bytes_ = 0;
  mode_ = Mode::collect;
  // Problems within a prefix have keys of their own, and large ones need the memory for themselves: one at a time.
  Problem* const single =
      std::find_if(small_, small_ + small_count_, [](const Problem& p) { return p.prefix != nullptr || p.alone; });
  if (single != small_ + small_count_) {
    std::iter_swap(small_, single);
    collecting_ = 1;
    slot_low_ = small_[0].low;
    slot_high_ = small_[0].high;
    return;
  }
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
}

void Selector::answer() {
  for (std::size_t p = 0; p < collecting_; p++) {
    if (small_[p].too_many) divide(small_[p]);  // only adds to the lists
    else answer_from(&small_[p]);
  }
  std::copy(small_ + collecting_, small_ + small_count_, small_);
  small_count_ -= collecting_;
  mode_ = Mode::start;
}

// What did not fit: by itself in another pass, else in narrower ranges of its keys, else by the first bytes in which
// its values differ.
void Selector::divide(const Problem& problem) {
  Problem next{};
  next.low = problem.low;
  next.high = problem.high;
  next.first = problem.first;
  next.last = problem.last;
  next.before = problem.before;
  next.held = problem.held;
  next.prefix = problem.prefix;
  next.alone = true;
  if (collecting_ > 1) {
    push(&small_, &small_count_, &small_capacity_, next);
    return;
  }
  if (problem.low == problem.high) {
    auto* bytes = allocate<unsigned char>(problem.shared + 1);
    for (std::uint32_t i = 0; i < problem.shared; i++)
      bytes[i] = i < problem.sample->length ? problem.sample->data()[i] : 0;
    auto* prefix = allocate<Prefix>(1);
    *prefix = Prefix{problem.prefix != nullptr ? problem.prefix->key : problem.low, bytes, problem.shared};
    next.prefix = prefix;
    next.low = std::numeric_limits<std::int64_t>::min();
    next.high = std::numeric_limits<std::int64_t>::max();
  }
  push(&waiting_, &waiting_count_, &waiting_capacity_, next);
}

void Selector::answer_from(Problem* problem) {
  Candidate* const end = problem->candidates + problem->gathered;
  const bool plain = std::all_of(problem->candidates, end,
                                 [](const Candidate& c) { return c.count == 1 && c.value.bytes == nullptr; });
  if (plain && problem->last - problem->first <= 4) {
    auto* keys = allocate<std::int64_t>(problem->gathered);
    for (std::uint64_t i = 0; i < problem->gathered; i++) keys[i] = problem->candidates[i].value.key;
    std::int64_t* from = keys;
    for (std::size_t rank = problem->first; rank < problem->last; rank++) {
      std::int64_t* const at = keys + (ranks_[rank] - problem->before);
      std::nth_element(from, at, keys + problem->gathered);
      results_[rank] = Value{*at, nullptr};
      from = at;
    }
    memory_->deallocate(keys, problem->gathered * sizeof *keys, alignof(std::int64_t));
  } else {
    std::sort(problem->candidates, end,
              [](const Candidate& a, const Candidate& b) { return compare(a.value, b.value) < 0; });
    std::uint64_t before = problem->before;
    std::size_t rank = problem->first;
    for (Candidate* candidate = problem->candidates; candidate < end && rank < problem->last; candidate++) {
      before += candidate->count;
      bool kept = false;
      for (; rank < problem->last && ranks_[rank] < before; kept = true) results_[rank++] = candidate->value;
      if (kept) candidate->value.bytes = nullptr;  // it is a result's now
    }
  }
  free_candidates(problem);
}

}  // namespace dap::quantile
