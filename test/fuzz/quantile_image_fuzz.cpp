// Hostile states of order statistics: refused, or a multiset whose values come out in order and whose count is kept.
#include <cstdint>
#include <cstdlib>
#include <memory_resource>
#include <vector>

#include "engine/quantile/image.h"

namespace {

using namespace dap::quantile;

constexpr std::uint64_t enough = 1 << 16;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::pmr::monotonic_buffer_resource memory;
  ImageHeader header{};
  const unsigned char* at = nullptr;
  if (!read_image(data, size, &header, &at, &memory)) return 0;
  if (header.count > enough) return 0;
  Sample sample{};
  sample.kind = header.kind;
  sample.groups = header.groups;
  sample.scale_known = header.scale_known;
  Section section;
  std::vector<std::uint16_t> digits(most_decimal_digits);
  while (next_section(&at, data + size, &section)) {
    if (section.tag == Section::Tag::file) return 0;  // what is there is the server's to read
    if (section.tag == Section::Tag::keys) {
      std::vector<std::int64_t> keys(section.count + 1);  // somewhere also for none
      unpack_keys(section, 0, section.count, keys.data());
      add_keys(&sample, keys.data(), section.count, header.groups, &memory, enough);
    } else if (section.tag == Section::Tag::dense) {
      const unsigned char* slot = section.data;
      for (std::uint64_t i = 0; i < section.count; i++)
        add_key_times(&sample, static_cast<std::int64_t>(static_cast<std::uint64_t>(section.packing.base) + i * section.packing.unit), next_count(&slot), &memory, enough);
    } else {
      for (std::uint64_t i = 0; i < section.count; i++) {
        std::uint32_t length;
        const unsigned char* bytes = next_wide_value(&section.data, &length);
        Decimal decimal;
        if (header.kind == Kind::interval) {
          add_interval(&sample, read_interval(bytes), &memory);
        } else {
          require(read_decimal_bytes(bytes, length, digits.data(), &decimal));
          add_decimal(&sample, decimal, &memory, enough);
        }
      }
    }
  }
  require(sample.count == header.count);
  if (sample.count == 0) return 0;
  const std::uint64_t ranks[3] = {0, sample.count / 2, sample.count - 1};
  const std::size_t first = sample.count == 1 ? 2 : sample.count == 2 ? 1 : 0;
  Selector selector(&memory, ranks + first, 3 - first, INT64_MIN, INT64_MAX, sample.count, 1);
  while (selector.next_pass()) selector.feed_sample(sample);
  for (std::size_t i = 1; i < 3 - first; i++) require(compare(selector.result(i - 1), selector.result(i)) <= 0);
  return 0;
}
