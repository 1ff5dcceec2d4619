// Hostile states of order statistics, alone or two in a row: refused, or added up to a multiset whose values come out
// in order, whose count is kept, and which is the same with and without tables of counts, and after it was itself sent
// on.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "engine/quantile/selector.h"
#include "quantile_support.h"

namespace {

using namespace dap::quantile;
using test::Combined;

constexpr std::uint64_t enough = 1 << 16;
constexpr std::uint64_t large_budget = 1 << 22, no_budget = 0;

void require(bool condition) {
  if (!condition) std::abort();
}

// The least, the middle and the greatest value, or fewer.
std::vector<Value> answers(const Sample& sample, std::pmr::memory_resource* memory) {
  const std::uint64_t ranks[3] = {0, sample.count / 2, sample.count - 1};
  const std::size_t first = sample.count == 1 ? 2 : sample.count == 2 ? 1 : 0;
  Selector selector(memory, ranks + first, 3 - first, INT64_MIN, INT64_MAX, sample.count, 1);
  while (selector.next_pass()) selector.feed_sample(sample);
  std::vector<Value> values;
  for (std::size_t i = 0; i < 3 - first; i++) {
    values.push_back(selector.result(i));
    if (i > 0) require(compare(values[i - 1], values[i]) <= 0);
  }
  return values;
}

void same_answers(const Sample& a, const Sample& b, std::pmr::memory_resource* memory) {
  require(a.count == b.count);
  if (a.count == 0) return;
  const std::vector<Value> mine = answers(a, memory), other = answers(b, memory);
  // Keys of different scales do not compare.
  if (a.groups != b.groups) return;
  for (std::size_t i = 0; i < mine.size(); i++) require(compare(mine[i], other[i]) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::string_view begin("DAPQ\1", 5);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t second = input.size() < 2 ? input.npos : input.find(begin, 1);
  const std::size_t first_size = second == input.npos ? size : second;
  std::pmr::monotonic_buffer_resource memory;
  Sample with{}, without{};
  if (test::combine(data, first_size, &with, &memory, large_budget, enough) != Combined::added) return 0;
  require(test::combine(data, first_size, &without, &memory, no_budget, enough) == Combined::added);
  if (first_size < size) {
    const Combined outcome = test::combine(data + first_size, size - first_size, &with, &memory, large_budget, enough);
    if (outcome == Combined::file) return 0;
    require(test::combine(data + first_size, size - first_size, &without, &memory, no_budget, enough) == outcome);
  }
  same_answers(with, without, &memory);
  Sample sent{};
  const std::vector<unsigned char> image = test::image_of(with);
  require(test::combine(image.data(), image.size(), &sent, &memory, large_budget, 2 * enough) == Combined::added);
  same_answers(with, sent, &memory);
  return 0;
}
