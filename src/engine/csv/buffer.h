// Growing storage and the arena of copied bytes, both on a memory resource that may simply be abandoned.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <new>
#include <type_traits>
#include <utility>

namespace dap::csv {

// A growing array of plain values; unlike a vector it leaves new elements unset and gives memory back when told.
template <typename T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit Buffer(std::pmr::memory_resource* memory) noexcept : memory_(memory) {}
  ~Buffer() { release(); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  void set_size(std::size_t size) noexcept { size_ = size; }

  // Room for `capacity` elements in all; what is there stays.
  void reserve(std::size_t capacity) {
    if (capacity > capacity_) move_to(capacity);
  }
  void push_back(const T& value) {
    if (size_ == capacity_) move_to(std::max<std::size_t>(16, 2 * capacity_));
    data_[size_++] = value;
  }
  void append(const T* values, std::size_t count) {
    if (count == 0) return;
    if (count > capacity_ - size_) move_to(std::max(size_ + count, capacity_ + capacity_ / 2));
    std::memcpy(data_ + size_, values, count * sizeof(T));
    size_ += count;
  }
  // Keeps the first `size` elements and no more memory than they need.
  void shrink(std::size_t size) {
    size_ = size;
    move_to(size);
  }
  // Changes contents with another buffer on the same resource.
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  void release() noexcept {
    if (data_ != nullptr) memory_->deallocate(data_, capacity_ * sizeof(T), alignof(T));
    data_ = nullptr;
    size_ = capacity_ = 0;
  }

 private:
  void move_to(std::size_t capacity) {
    if (capacity == 0) return release();
    if (capacity > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_alloc();
    T* fresh = static_cast<T*>(memory_->allocate(capacity * sizeof(T), alignof(T)));
    const std::size_t kept = size_;
    if (kept > 0) std::memcpy(fresh, data_, kept * sizeof(T));
    release();
    data_ = fresh;
    size_ = kept;
    capacity_ = capacity;
  }

  std::pmr::memory_resource* memory_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// The values of a batch that could not stay where they were read: one block, so that a batch is bounded, and a block of
// its own for a record that alone needs more.
class Arena {
 public:
  static constexpr std::size_t block_bytes = 256u << 10;

  explicit Arena(std::pmr::memory_resource* memory) noexcept : block_(memory), large_(memory) {}

  // Forgets everything taken.
  void clear() noexcept {
    block_.set_size(0);
    large_.release();
    in_large_ = false;
  }
  std::size_t room() const noexcept {
    return in_large_ ? large_.capacity() - large_.size() : block_bytes - block_.size();
  }
  // Makes room() at least `size`; only when nothing has been taken yet.
  void make_room(std::size_t size) {
    if (size <= block_bytes) return;
    large_.reserve(size);
    in_large_ = true;
  }
  // At most room() bytes.
  char* take(std::size_t size) {
    Buffer<char>& from = in_large_ ? large_ : block_;
    if (!in_large_) from.reserve(block_bytes);
    char* taken = from.data() + from.size();
    from.set_size(from.size() + size);
    return taken;
  }
  // Returns the last `size` bytes taken.
  void give_back(std::size_t size) noexcept {
    Buffer<char>& to = in_large_ ? large_ : block_;
    to.set_size(to.size() - size);
  }

 private:
  Buffer<char> block_;
  Buffer<char> large_;
  bool in_large_ = false;
};

}  // namespace dap::csv
