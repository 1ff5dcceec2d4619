// Values at given ranks of a multiset that need not be in memory: the caller feeds all of it once a pass, a few passes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "engine/quantile/sample.h"

namespace dap::quantile {

// Every wide value as it stands in a file or a transported state: key, length, then the bytes.
struct WideRecord {
  std::int64_t key;
  std::uint32_t length;
};
constexpr std::size_t wide_record_header = 12;

class Selector {
 public:
  // `ranks` are 0-based, ascending, and stay the caller's; all keys lie in low..high; about `capacity` values are held
  // at a time, of which those that are wider than a key take about 32 × `capacity` bytes (more only where a single
  // value is longer).
  Selector(std::pmr::memory_resource* memory, const std::uint64_t* ranks, std::size_t rank_count, std::int64_t low,
           std::int64_t high, std::uint64_t count, std::uint64_t capacity);

  // Begins a pass over the whole multiset, in any order; false when every rank is answered. Throws std::bad_alloc.
  bool next_pass();
  void feed_keys(const std::int64_t* keys, std::size_t count);
  void feed_dense(const Dense& dense);
  void feed_wide(std::int64_t key, const unsigned char* bytes, std::uint32_t length);
  // Everything that the sample holds in memory.
  void feed_sample(const Sample& sample);

  const Value& result(std::size_t rank) const { return results_[rank]; }

 private:
  struct Candidate {
    Value value;
    std::uint64_t count;
  };
  // What all values of a problem have in common, where their keys are equal: eight of their bytes from `length` on are
  // the key within the problem.
  struct Prefix {
    std::int64_t key;
    const unsigned char* bytes;
    std::uint32_t length;
  };
  // Ranks first..last - 1 are among the keys low..high, before which `before` values stand; `held` is how many there
  // are.
  struct Problem {
    std::int64_t low, high;
    std::size_t first, last;
    std::uint64_t before, held;
    const Prefix* prefix;  // NULL: keys are the values' own
    Candidate* candidates;
    std::uint64_t gathered, room;
    std::uint64_t bytes;  // of the candidates that are wider than a key
    const Bytes* sample;  // too many to be held: one of them, and how many bytes all of them share with it
    std::uint32_t shared;
    bool too_many, alone;
  };
  enum class Mode : unsigned char { start, histogram, collect };

  // How far a key lies above the lowest one; the difference of two keys may not fit into one.
  static std::uint64_t distance(std::int64_t low, std::int64_t key) {
    return static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(low);
  }
  void begin_histogram(const Problem& problem);
  void split();
  void begin_collect();
  void answer();
  bool within(const Problem& problem, std::int64_t key, const unsigned char* bytes, std::uint32_t length,
              std::int64_t* inner) const;
  void count_value(std::int64_t key, const unsigned char* bytes, std::uint32_t length, std::uint64_t times);
  void gather_key(Problem* problem, std::int64_t key, std::uint64_t times);
  void gather_wide(Problem* problem, std::int64_t key, const unsigned char* bytes, std::uint32_t length);
  Candidate* new_candidate(Problem* problem);
  void make_room(Problem* problem);
  void merge_equals(Problem* problem);
  void give_up(Problem* problem);
  void watch(Problem* problem, const unsigned char* bytes, std::uint32_t length);
  void divide(const Problem& problem);
  void answer_from(Problem* problem);
  void free_candidates(Problem* problem);
  Problem* problem_of(std::int64_t key);
  void push(Problem** list, std::size_t* count, std::size_t* capacity, const Problem& problem);
  template <class T>
  T* allocate(std::size_t count) {
    return static_cast<T*>(memory_->allocate(count * sizeof(T), alignof(T)));
  }

  std::pmr::memory_resource* memory_;
  const std::uint64_t* ranks_;
  Value* results_;
  std::uint64_t capacity_;
  Mode mode_ = Mode::start;

  Problem* waiting_ = nullptr;  // to be split
  std::size_t waiting_count_ = 0, waiting_capacity_ = 0;
  Problem* small_ = nullptr;  // to be collected, ascending
  std::size_t small_count_ = 0, small_capacity_ = 0;
  std::size_t collecting_ = 0;  // how many of them in this pass

  std::uint64_t gathered_bytes_ = 0;  // of all problems in this pass
  std::uint64_t most_bytes_;
  Problem current_{};
  std::uint64_t* buckets_ = nullptr;
  std::uint64_t bucket_count_ = 0;
  std::uint64_t bucket_capacity_ = 0;
  int shift_ = 0;
  // Collecting: which problem a range of keys belongs to, by the same shift as the histogram when it is one problem's.
  std::uint32_t* slots_ = nullptr;
  std::int64_t slot_low_ = 0, slot_high_ = 0;
  int slot_shift_ = 0;
};

}  // namespace dap::quantile
