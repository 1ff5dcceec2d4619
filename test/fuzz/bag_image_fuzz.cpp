// Hostile bytes and texts of bags: refused, or a bag whose text gives the same bytes again, and which added to and
// taken from itself is what it was.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "bag_support.h"
#include "engine/bag/search.h"
#include "engine/bag/table.h"
#include "engine/convert/status.h"

namespace {

using namespace dap::bag;
using test::Bytes;

constexpr std::uint64_t enough = 1 << 14;

void require(bool condition) {
  if (!condition) std::abort();
}

// What reads stored bags must be safe on bytes that nobody checked.
void read_unchecked(const Bytes& bytes) {
  std::pmr::monotonic_buffer_resource memory;
  Header header;
  KeyReader keys;
  WideReader wide;
  if (!open_bag(bytes.data(), bytes.size(), &header, &keys, &wide)) return;
  std::vector<std::uint32_t> counts(1000);
  Table table{counts.data(), -500, counts.size(), header.scale + (bytes.back() % 3)};
  Writer writer;
  begin_bag(&writer, header.scale, &memory);
  if (table.scale <= most_scale) add_blocks(&table, &keys, header.scale, enough, &writer);
  auto search = std::make_unique<Search>();
  if (begin_search(search.get(), bytes.data(), bytes.size(), header.values / 2, 1, &memory) == Outcome::more)
    step_search(search.get(), enough);
  Bytes result;
  test::combine(bytes, bytes, true, &result);
}

// Bytes as text: whatever is read is written the same.
Bytes read_encoded(std::string_view text) {
  Bytes bytes(text.size() / 4 * 3 + 3);
  const unsigned char* const end = read_base64(text, bytes.data());
  if (end == nullptr) return {};
  bytes.resize(static_cast<std::size_t>(end - bytes.data()));
  std::string again(encoded_size(bytes.size()) - encoded_mark.size(), '?');
  require(write_base64(bytes.data(), bytes.size(), again.data()) == again.data() + again.size());
  require(again == dap::convert::strip_blanks(text));
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bag;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with(encoded_mark)) {
    bag = read_encoded(input.substr(encoded_mark.size()));
    if (bag.empty()) return 0;
    data = bag.data();
    size = bag.size();
  }
  if (bag.empty() && size > 0 && (data[0] == '{' || data[0] == ' ')) {
    const auto read = test::parse(input, 3);
    if (!read) return 0;
    bag = *read;
    require(test::accepted(bag));
  } else {
    if (bag.empty()) bag.assign(data, data + size);
    if (!bag.empty()) read_unchecked(bag);
    if (!test::accepted(bag)) return 0;
  }
  Header header;
  require(read_header(bag.data(), bag.size(), &header));
  if (header.key_count > enough || header.wide_count > 8) return 0;
  const auto again = test::parse(test::text_of(bag));
  require(again && *again == bag);
  Bytes twice, back;
  if (test::combine(bag, bag, false, &twice) == Outcome::too_many) return 0;
  require(test::accepted(twice));
  require(test::combine(twice, bag, true, &back) == Outcome::done && back == bag);
  return 0;
}
