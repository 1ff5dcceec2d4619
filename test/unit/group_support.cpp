#include "group_support.h"

#include <algorithm>
#include <cstdlib>
#include <random>

namespace dap::group::test {

std::vector<std::uint64_t> seeds(std::uint64_t count) {
  if (const char* const wanted = std::getenv("DAP_SEED")) return {std::strtoull(wanted, nullptr, 10)};
  std::vector<std::uint64_t> result;
  for (std::uint64_t seed = 1; seed <= count; seed++) result.push_back(seed);
  result.push_back(std::random_device{}());
  return result;
}

std::string text_of(std::int64_t value, const column::Dictionary* dictionary) {
  if (dictionary == nullptr) return std::to_string(value);
  const column::Text& text = dictionary->texts[value];
  return std::string("text ").append(reinterpret_cast<const char*>(text.bytes), text.length);
}

bool read_groups(const Table& table, std::uint32_t partition, Groups* groups) {
  const Plan& plan = table.plan;
  for (std::uint32_t g = 0; g < group_count(table, partition); g++) {
    const Row& row = group_at(table, partition, g);
    std::vector<std::string> key;
    for (std::uint32_t k = 0; k < plan.key_count; k++)
      key.push_back(key_is_null(row, k) ? "NULL" : text_of(key_of(row, k), plan.key_dictionaries[k]));
    Group group;
    for (std::uint32_t a = 0; a < plan.aggregate_count; a++) {
      const Aggregate kind = plan.aggregates[a];
      if (kind == Aggregate::rows || kind == Aggregate::values) group.aggregates.emplace_back(value_of(table, row, a));
      else if (is_null(row, a)) group.aggregates.emplace_back(std::nullopt);
      else group.aggregates.emplace_back(kind == Aggregate::sum ? sum_of(table, row, a) : value_of(table, row, a));
    }
    for (std::uint32_t l = 0; l < plan.list_count; l++) {
      const ListPlan& list = plan.lists[l];
      ListReader reader;
      open_list(&reader, list_of(table, row, l), list.columns);
      std::vector<std::pair<std::string, std::string>> entries;
      std::int64_t first[7], second[7];
      while (const std::uint32_t count = read_list(&reader, first, list.columns == 2 ? second : nullptr, 7))
        for (std::uint32_t i = 0; i < count; i++)
          entries.emplace_back(text_of(first[i], list.dictionaries[0]),
                               list.columns == 2 ? text_of(second[i], list.dictionaries[1]) : "");
      if (entries.size() != entry_count(list_of(table, row, l))) return false;
      std::sort(entries.begin(), entries.end());
      group.lists.push_back(std::move(entries));
    }
    if (!groups->emplace(std::move(key), std::move(group)).second) return false;
  }
  return true;
}

std::vector<Bytes> exported(const Table& table, std::uint32_t partition, std::size_t capacity) {
  std::vector<Bytes> pieces;
  Export work;
  begin_export(&work, partition);
  Bytes piece(capacity);
  while (const std::size_t size = export_piece(&work, table, piece.data(), capacity))
    pieces.emplace_back(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(size));
  return pieces;
}

}  // namespace dap::group::test
