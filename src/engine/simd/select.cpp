#include <algorithm>
#include <atomic>

#include "engine/simd/kernels.h"
#include "engine/simd/levels.h"

namespace dap::simd {
namespace {

struct Levels {
  std::array<const Kernels*, 4> kernels{};
  std::size_t count = 0;

  Levels() noexcept {
    add(&scalar_kernels);
#if defined(__x86_64__)
    __builtin_cpu_init();
    add(sse2_kernels());
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt")) {
      add(avx2_kernels());
      if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) add(avx512_kernels());
    }
#endif
  }

  void add(const Kernels* k) noexcept {
    if (k != nullptr) kernels[count++] = k;
  }
};

const Levels& levels() noexcept {
  static const Levels found;
  return found;
}

std::atomic<const Kernels*> chosen{nullptr};

}  // namespace

Needles::Needles(std::initializer_list<unsigned char> wanted) noexcept : bytes{}, table{} {
  std::size_t n = 0;
  for (unsigned char byte : wanted) {
    if (table[byte] != 0 || n == max_bytes) continue;
    table[byte] = 1;
    bytes[n++] = byte;
  }
  std::fill(bytes.begin() + n, bytes.end(), bytes[0]);
}

std::span<const Kernels* const> available() noexcept { return {levels().kernels.data(), levels().count}; }

const Kernels& active() noexcept {
  const Kernels* k = chosen.load(std::memory_order_relaxed);
  return k != nullptr ? *k : *available().back();
}

bool select(std::string_view name) noexcept {
  if (name == "auto") {
    chosen.store(nullptr, std::memory_order_relaxed);
    return true;
  }
  for (const Kernels* k : available()) {
    if (name == k->name) {
      chosen.store(k, std::memory_order_relaxed);
      return true;
    }
  }
  return false;
}

}  // namespace dap::simd
