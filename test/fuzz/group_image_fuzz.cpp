// Hostile pieces of a partition's image: refused, or groups that, written and read again, are the same. The first byte
// says what the table's plan is; magic, fingerprint and the partition's number are set right.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory_resource>

#include "group_support.h"

namespace {

using namespace dap;
using namespace dap::group;

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr const char* words[] = {"", "a", "b", "completed", "none"};

Plan plan_of(unsigned kind, const column::Dictionary* dictionary) {
  Plan plan{};
  plan.key_count = kind & 3;
  plan.key_dictionaries[1] = dictionary;
  plan.partition_bits = kind >> 2 & 1;
  plan.aggregate_count = 5;
  for (unsigned i = 0; i < 5; i++) plan.aggregates[i] = static_cast<Aggregate>(i);
  plan.list_count = kind >> 3 & 3;
  for (unsigned i = 0; i < plan.list_count; i++) {
    plan.lists[i].columns = static_cast<std::uint8_t>(1 + (i & 1));
    plan.lists[i].dictionaries[0] = i == 2 ? dictionary : nullptr;
  }
  return plan;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::pmr::monotonic_buffer_resource memory;
  column::Dictionary dictionary;
  column::begin_dictionary(&dictionary, &memory);
  for (const char* const word : words) column::code_of(&dictionary, word, std::strlen(word));
  const Plan plan = plan_of(data[0], &dictionary);
  test::Bytes piece(data + 1, data + size);
  if (piece.size() >= 16) {
    const std::uint64_t right = fingerprint(plan);
    std::memcpy(piece.data(), "DAPG", 4);
    std::memcpy(piece.data() + 8, &right, sizeof right);
    piece[4] &= 1;
  }
  // The codes may be another's, in reverse.
  std::uint32_t codes[] = {4, 3, 2, 1};
  const column::CodeMap map{&memory, codes, 4, 4};
  CodeMaps maps;
  std::fill_n(maps.keys, column::most_keys, &map);
  for (auto& list : maps.lists) std::fill_n(list, 2, &map);
  const bool mapped = (data[0] & 0x20) != 0;
  Table table;
  require(begin_table(&table, plan, &memory));
  if (merge_piece(&table, piece.data(), piece.size(), mapped ? &maps : nullptr) != Outcome::done) return 0;

  test::Groups groups, again;
  Table other;
  require(begin_table(&other, plan, &memory));
  for (std::uint32_t p = 0; p < partition_count(table); p++) {
    require(test::read_groups(table, p, &groups));
    for (const test::Bytes& written : test::exported(table, p, least_piece))
      require(merge_piece(&other, written.data(), written.size(), nullptr) == Outcome::done);
    require(test::read_groups(other, p, &again));
  }
  require(groups == again);
  return 0;
}
