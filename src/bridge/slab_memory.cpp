#include "bridge/slab_memory.h"

#include <bit>
#include <cstdint>
#include <new>

extern "C" {
#include "miscadmin.h"
}

namespace dap {

namespace {

constexpr std::size_t line = 64;
// What stands before a slab: with it, it is a power of two, which the kernel lays where huge pages begin.
constexpr std::size_t headers = 512;
constexpr std::size_t largest_slab = std::size_t{8} << 20;

// Of this process; of its last run that is not over.
struct Stock {
  MemoryContext context;  // nullptr: none
  uint64 number;
  void* first;       // of the slabs that nobody has; each begins with the next one's place
  std::size_t held;  // bytes of all its slabs, wherever they are
  MemoryContextCallback callback;
};
Stock stock;

void end_stock(void*) {
  stock.context = nullptr;
  stock.first = nullptr;
  stock.held = 0;
}

}  // namespace

void stock_slabs(MemoryContext context) {
  if (stock.context != nullptr) return;
  stock.context = AllocSetContextCreate(context, "dap slabs", ALLOCSET_DEFAULT_SIZES);
  stock.number++;
  stock.callback.func = end_stock;
  MemoryContextRegisterResetCallback(stock.context, &stock.callback);
}

SlabMemory::SlabMemory(MemoryContext context) : large_(context) {
  callback_.func = give_back;
  callback_.arg = this;
  MemoryContextRegisterResetCallback(context, &callback_);
}

void SlabMemory::give_back(void* memory) {
  auto* const self = static_cast<SlabMemory*>(memory);
  if (stock.context == nullptr || stock.number != self->stock_) return;
  while (Link* const slab = self->stocked_) {
    self->stocked_ = slab->next;
    *static_cast<void**>(static_cast<void*>(slab)) = stock.first;
    stock.first = slab;
  }
}

int SlabMemory::class_of(std::size_t bytes, std::size_t* rounded) {
  const int octave = std::bit_width(bytes - 1) - 1;  // 2^octave < bytes <= 2^(octave + 1)
  const std::size_t power = std::size_t{1} << octave, step = power / steps;
  const std::size_t number = (bytes - power + step - 1) / step;  // 1 to steps
  *rounded = power + number * step;
  return (octave - std::bit_width(least) + 2) * steps + static_cast<int>(number) - steps;
}

void SlabMemory::open_slab(std::size_t piece) {
  while (slab_ < largest_slab && slab_ < 4 * piece) slab_ *= 2;
  const std::size_t room = slab_ - headers;
  const bool lasting = slab_ == largest_slab && stock.context != nullptr && (stock_ == 0 || stock_ == stock.number) &&
                       (stock.first != nullptr || (stock.held + slab_) / 512 <= std::size_t(maintenance_work_mem));
  unsigned char* slab;
  if (!lasting) {
    slab = static_cast<unsigned char*>(large_.allocate(room));
  } else {
    if (stock.first != nullptr) {
      slab = static_cast<unsigned char*>(stock.first);
      stock.first = *static_cast<void**>(stock.first);
    } else {
      slab = static_cast<unsigned char*>(ContextMemory(stock.context).allocate(room));
      stock.held += slab_;
    }
    stock_ = stock.number;
    stocked_ = new (slab) Link{stocked_};
  }
  const std::size_t used = lasting ? sizeof(Link) : 0;
  const std::size_t skipped = (line - (reinterpret_cast<std::uintptr_t>(slab) + used) % line) % line + used;
  place_ = slab + skipped;
  left_ = room - skipped;
  if (slab_ < largest_slab) slab_ *= 2;
}

void* SlabMemory::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (bytes < least || bytes > most || alignment > line) return large_.allocate(bytes, alignment);
  std::size_t rounded;
  const int number = class_of(bytes, &rounded);
  if (Link* const piece = free_[number]) {
    free_[number] = piece->next;
    return piece;
  }
  if (rounded > left_) open_slab(rounded);
  unsigned char* const piece = place_;
  place_ += rounded;
  left_ -= rounded;
  return piece;
}

void SlabMemory::do_deallocate(void* pointer, std::size_t bytes, std::size_t alignment) {
  if (bytes < least || bytes > most || alignment > line) {
    large_.deallocate(pointer, bytes, alignment);
    return;
  }
  std::size_t rounded;
  const int number = class_of(bytes, &rounded);
  free_[number] = new (pointer) Link{free_[number]};
}

}  // namespace dap
