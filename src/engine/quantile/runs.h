// Runs of equal items of an array in ascending order, from blocks that are sorted one by one: the caller can do
// something between any two steps.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "engine/quantile/value.h"

namespace dap::quantile {

constexpr std::uint64_t sorted_block = 1 << 17;

// The most frequent of values, the lowest where several are; times is 0 before the first.
struct Mode {
  Value value;
  std::uint64_t times;
};

inline void consider(Mode* mode, const Value& value, std::uint64_t times) {
  if (times > mode->times || (times == mode->times && times > 0 && compare(value, mode->value) < 0))
    *mode = Mode{value, times};
}

// Owns only memory of the caller's resource and may be abandoned; `less` orders items, of which the equal ones are the
// same.
template <class Item, class Less>
class Runs {
 public:
  Runs(Item* items, std::uint64_t count, Less less) : items_(items), count_(count), less_(less) {}

  // Sorts the next block; false when all are sorted and runs can be taken. Throws std::bad_alloc.
  bool sort_next(std::pmr::memory_resource* memory) {
    if (sorted_ < count_) {
      const std::uint64_t end = std::min(count_, sorted_ + sorted_block);
      std::sort(items_ + sorted_, items_ + end, less_);
      sorted_ = end;
      return true;
    }
    block_count_ = static_cast<std::size_t>((count_ + sorted_block - 1) / sorted_block);
    blocks_ = block_count_ <= 1 ? &single_
                                : static_cast<Block*>(memory->allocate(block_count_ * sizeof(Block), alignof(Block)));
    for (std::size_t i = 0; i < block_count_; i++) {
      const std::uint64_t from = i * sorted_block;
      blocks_[i] = Block{items_ + from, items_ + std::min(count_, from + sorted_block)};
    }
    std::make_heap(blocks_, blocks_ + block_count_, Later{less_});
    return false;
  }

  // The next run in ascending order; false at the end.
  bool next(const Item** item, std::uint64_t* times) {
    if (block_count_ == 0) return false;
    *item = blocks_[0].at;
    *times = 0;
    do {
      Block& first = blocks_[0];
      const Item* const begin = first.at;
      while (first.at < first.end && !less_(**item, *first.at)) first.at++;
      *times += static_cast<std::uint64_t>(first.at - begin);
      if (first.at == first.end) first = blocks_[--block_count_];
      sift_down();
    } while (block_count_ > 0 && !less_(**item, *blocks_[0].at));
    return true;
  }

 private:
  struct Block {
    const Item* at;
    const Item* end;
  };
  struct Later {
    Less less;
    bool operator()(const Block& a, const Block& b) const { return less(*b.at, *a.at); }
  };

  // The first block goes to its place among those whose next items are lower.
  void sift_down() {
    std::size_t hole = 0;
    if (block_count_ < 2) return;
    const Block moved = blocks_[0];
    for (;;) {
      std::size_t child = 2 * hole + 1;
      if (child >= block_count_) break;
      if (child + 1 < block_count_ && less_(*blocks_[child + 1].at, *blocks_[child].at)) child++;
      if (!less_(*blocks_[child].at, *moved.at)) break;
      blocks_[hole] = blocks_[child];
      hole = child;
    }
    blocks_[hole] = moved;
  }

  Item* items_;
  std::uint64_t count_;
  Less less_;
  std::uint64_t sorted_ = 0;
  Block single_{};
  Block* blocks_ = nullptr;
  std::size_t block_count_ = 0;
};

}  // namespace dap::quantile
