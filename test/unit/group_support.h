// What the tests of groups and joins share: seeds, and a table's groups as they read, codes as texts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/group/image.h"
#include "engine/group/table.h"

namespace dap::group::test {

using Bytes = std::vector<unsigned char>;

// 1 to `count`, and one that nobody has tried; DAP_SEED: that one alone.
std::vector<std::uint64_t> seeds(std::uint64_t count);

// A value as a text that does not depend on a process's codes.
std::string text_of(std::int64_t value, const column::Dictionary* dictionary);

struct Group {
  std::vector<std::optional<Int128>> aggregates;
  std::vector<std::vector<std::pair<std::string, std::string>>> lists;  // sorted

  bool operator==(const Group& other) const = default;
};
using Groups = std::map<std::vector<std::string>, Group>;

// The groups of one partition, read through the accessors, added to those that are there; false where one is there
// already.
bool read_groups(const Table& table, std::uint32_t partition, Groups* groups);

// All pieces of a partition.
std::vector<Bytes> exported(const Table& table, std::uint32_t partition, std::size_t capacity);

}  // namespace dap::group::test
