#include "engine/group/plan.h"

#include "engine/group/list.h"

namespace dap::group {

bool lay_out(const Plan& plan, Layout* layout) {
  if (plan.key_count > column::most_keys || plan.aggregate_count > most_aggregates || plan.list_count > most_lists ||
      plan.partition_bits > column::most_partition_bits)
    return false;
  std::size_t at = column::keys_end(plan.key_count);
  for (std::uint32_t i = 0; i < plan.aggregate_count; i++) {
    if (plan.aggregates[i] > Aggregate::greatest) return false;
    layout->aggregates[i] = static_cast<std::uint16_t>(at);
    at += plan.aggregates[i] == Aggregate::sum ? 16 : 8;
  }
  layout->fixed = static_cast<std::uint16_t>(at);
  for (std::uint32_t i = 0; i < plan.list_count; i++) {
    if (plan.lists[i].columns != 1 && plan.lists[i].columns != 2) return false;
    layout->lists[i] = static_cast<std::uint16_t>(at);
    at += sizeof(List);
  }
  layout->size = static_cast<std::uint16_t>(at);
  return true;
}

std::uint64_t fingerprint(const Plan& plan) {
  std::uint64_t result = 1;
  const auto add = [&result](std::uint64_t value) { result = (result ^ value) * 0x9e3779b97f4a7c15 + (result >> 29); };
  add(plan.key_count);
  for (std::uint32_t i = 0; i < plan.key_count; i++) add(plan.key_dictionaries[i] != nullptr ? 1 : 0);
  add(plan.aggregate_count);
  for (std::uint32_t i = 0; i < plan.aggregate_count; i++) add(static_cast<std::uint64_t>(plan.aggregates[i]));
  add(plan.list_count);
  for (std::uint32_t i = 0; i < plan.list_count; i++)
    add(plan.lists[i].columns | (plan.lists[i].dictionaries[0] != nullptr ? 4U : 0U) |
        (plan.lists[i].columns > 1 && plan.lists[i].dictionaries[1] != nullptr ? 8U : 0U));
  add(plan.partition_bits);
  return result;
}

}  // namespace dap::group
