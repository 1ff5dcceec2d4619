// What a pass of a Selector does with each value: counting in a histogram, or gathering the candidates of its problems.
#include <algorithm>
#include <limits>
#include <new>

#include "engine/quantile/selector.h"

namespace dap::quantile {

namespace {

std::size_t bytes_size(std::uint32_t length) { return sizeof(Bytes) + length; }

// How many bytes two values share, the shorter one continued by zeros.
std::uint32_t shared_bytes(const Bytes* sample, const unsigned char* bytes, std::uint32_t length, std::uint32_t most) {
  std::uint32_t i = 0;
  while (i < most && (i < sample->length ? sample->data()[i] : 0) == (i < length ? bytes[i] : 0)) i++;
  return i;
}

}  // namespace

// The key of a value within a problem; false when it is not in its prefix or range.
bool Selector::within(const Problem& problem, std::int64_t key, const unsigned char* bytes, std::uint32_t length,
                      std::int64_t* inner) const {
  *inner = key;
  if (const Prefix* prefix = problem.prefix) {
    if (key != prefix->key) return false;
    // No value's bytes are the beginning of another's, and a plain key has none and sorts first: zeros may follow the
    // end.
    const std::uint32_t common = std::min(length, prefix->length);
    if (common > 0 && std::memcmp(bytes, prefix->bytes, common) != 0) return false;
    for (std::uint32_t i = common; i < prefix->length; i++)
      if (prefix->bytes[i] != 0) return false;
    std::uint64_t next = 0;
    for (std::uint32_t i = prefix->length; i < prefix->length + 8; i++) next = next << 8 | (i < length ? bytes[i] : 0U);
    *inner = static_cast<std::int64_t>(next ^ (std::uint64_t{1} << 63));
  }
  return *inner >= problem.low && *inner <= problem.high;
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

void Selector::free_candidates(Problem* problem) {
  for (std::uint64_t i = 0; i < problem->gathered && problem->bytes > 0; i++)
    if (const Bytes* bytes = problem->candidates[i].value.bytes)
      memory_->deallocate(const_cast<Bytes*>(bytes), bytes_size(bytes->length), alignof(std::uint64_t));
  if (problem->candidates != nullptr)
    memory_->deallocate(problem->candidates, problem->room * sizeof(Candidate), alignof(Candidate));
  gathered_bytes_ -= problem->bytes;
  problem->candidates = nullptr;
  problem->gathered = problem->room = problem->bytes = 0;
}

// Equal candidates become one that counts them.
void Selector::merge_equals(Problem* problem) {
  Candidate* const candidates = problem->candidates;
  std::sort(candidates, candidates + problem->gathered,
            [](const Candidate& a, const Candidate& b) { return compare(a.value, b.value) < 0; });
  std::uint64_t kept = 0;
  for (std::uint64_t i = 1; i < problem->gathered; i++) {
    if (compare(candidates[kept].value, candidates[i].value) != 0) {
      candidates[++kept] = candidates[i];
      continue;
    }
    candidates[kept].count += candidates[i].count;
    if (const Bytes* bytes = candidates[i].value.bytes) {
      problem->bytes -= bytes->length;
      gathered_bytes_ -= bytes->length;
      memory_->deallocate(const_cast<Bytes*>(bytes), bytes_size(bytes->length), alignof(std::uint64_t));
    }
  }
  problem->gathered = kept + 1;
}

// Forgets the candidates and from now on only watches what the problem's values have in common.
void Selector::give_up(Problem* problem) {
  problem->too_many = true;
  const Bytes* sample = nullptr;
  for (std::uint64_t i = 0; i < problem->gathered && sample == nullptr; i++)
    sample = problem->candidates[i].value.bytes;
  // Of a single key there is one, since plain ones are all equal; a range needs none.
  if (sample == nullptr) return free_candidates(problem);
  auto* copy = new (memory_->allocate(bytes_size(sample->length), alignof(std::uint64_t))) Bytes{sample->length};
  std::memcpy(copy->data(), sample->data(), sample->length);
  problem->sample = copy;
  problem->shared = sample->length;
  for (std::uint64_t i = 0; i < problem->gathered; i++) {
    const Bytes* bytes = problem->candidates[i].value.bytes;
    problem->shared = shared_bytes(copy, bytes == nullptr ? nullptr : bytes->data(),
                                   bytes == nullptr ? 0 : bytes->length, problem->shared);
  }
  free_candidates(problem);
}

// Before a wide candidate comes: what is held is kept to the bounds.
void Selector::make_room(Problem* problem) {
  if (gathered_bytes_ < most_bytes_ && problem->gathered < capacity_) return;
  if (problem->gathered < 2) return;
  merge_equals(problem);
  if (problem->gathered > 1 && (gathered_bytes_ > most_bytes_ / 2 || problem->gathered > capacity_ / 2))
    give_up(problem);
}

Selector::Candidate* Selector::new_candidate(Problem* problem) {
  if (problem->gathered == problem->room) {
    const std::uint64_t room = problem->room == 0
                                   ? (problem->low == problem->high ? 1 : std::min(problem->held, capacity_))
                                   : problem->room * 2;
    auto* grown = allocate<Candidate>(room);
    std::copy_n(problem->candidates, problem->gathered, grown);
    if (problem->candidates != nullptr)
      memory_->deallocate(problem->candidates, problem->room * sizeof(Candidate), alignof(Candidate));
    problem->candidates = grown;
    problem->room = room;
  }
  return &problem->candidates[problem->gathered++];
}

void Selector::watch(Problem* problem, const unsigned char* bytes, std::uint32_t length) {
  if (problem->sample != nullptr) problem->shared = shared_bytes(problem->sample, bytes, length, problem->shared);
}

void Selector::gather_key(Problem* problem, std::int64_t key, std::uint64_t times) {
  if (problem->too_many) return watch(problem, nullptr, 0);
  const bool one = problem->low == problem->high;
  if (one && problem->gathered > 0 && problem->candidates[0].value.bytes == nullptr) {
    problem->candidates[0].count += times;
    return;
  }
  *new_candidate(problem) = Candidate{Value{key, nullptr}, times};
  // The plain one stands first, where its equals are counted; sorting leaves it there.
  if (one) std::swap(problem->candidates[0], problem->candidates[problem->gathered - 1]);
}

void Selector::gather_wide(Problem* problem, std::int64_t key, const unsigned char* bytes, std::uint32_t length) {
  if (problem->too_many) return watch(problem, bytes, length);
  if (problem->gathered > 0) {
    Candidate& last = problem->candidates[problem->gathered - 1];
    if (last.value.bytes != nullptr && last.value.key == key && last.value.bytes->length == length &&
        std::memcmp(last.value.bytes->data(), bytes, length) == 0) {
      last.count++;
      return;
    }
  }
  make_room(problem);
  if (problem->too_many) return watch(problem, bytes, length);
  auto* copy = new (memory_->allocate(bytes_size(length), alignof(std::uint64_t))) Bytes{length};
  std::memcpy(copy->data(), bytes, length);
  problem->bytes += length;
  gathered_bytes_ += length;
  *new_candidate(problem) = Candidate{Value{key, copy}, 1};
}

// One value in a pass over values that are not all plain keys, or within a prefix.
void Selector::count_value(std::int64_t key, const unsigned char* bytes, std::uint32_t length, std::uint64_t times) {
  std::int64_t inner;
  if (mode_ == Mode::histogram) {
    if (within(current_, key, bytes, length, &inner)) buckets_[distance(current_.low, inner) >> shift_] += times;
    return;
  }
  Problem* problem = small_[0].prefix == nullptr                     ? problem_of(key)
                     : within(small_[0], key, bytes, length, &inner) ? &small_[0]
                                                                     : nullptr;
  if (problem == nullptr) return;
  if (bytes == nullptr) gather_key(problem, key, times);
  else gather_wide(problem, key, bytes, length);
}

void Selector::feed_keys(const std::int64_t* keys, std::size_t count) {
  const Prefix* prefix = mode_ == Mode::histogram ? current_.prefix : small_[0].prefix;
  if (prefix != nullptr) {
    for (std::size_t i = 0; i < count; i++)
      if (keys[i] == prefix->key) count_value(keys[i], nullptr, 0, 1);
    return;
  }
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
    if (Problem* problem = problem_of(keys[i])) gather_key(problem, keys[i], 1);
  }
}

void Selector::feed_dense(const Dense& dense) {
  for (std::uint64_t i = 0; i < dense.length; i++)
    if (dense.counts[i] != 0)
      count_value(static_cast<std::int64_t>(static_cast<std::uint64_t>(dense.base) + i * dense.unit), nullptr, 0,
                  dense.counts[i]);
}

void Selector::feed_wide(std::int64_t key, const unsigned char* bytes, std::uint32_t length) {
  count_value(key, bytes, length, 1);
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
