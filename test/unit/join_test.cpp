// Joins against maps: all kinds of selections, NULLs in keys and payloads, rows that nobody finds.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <memory_resource>
#include <random>

#include "engine/join/unique_map.h"
#include "group_support.h"

namespace dap::join {
namespace {

using Random = std::mt19937_64;
using column::batch_rows;
using Cell = std::optional<std::int64_t>;
using Cells = std::vector<Cell>;

struct Columns {
  explicit Columns(std::size_t count) : values(count), nulls(count) {}
  std::vector<std::vector<std::int64_t>> values;
  std::vector<std::vector<unsigned char>> nulls;

  void add(std::size_t column, const Cell& cell) {
    values[column].push_back(cell.value_or(77));
    nulls[column].push_back(cell ? 0 : 1);
  }
  std::vector<column::Vector> from(std::size_t row) const {
    std::vector<column::Vector> result;
    for (std::size_t c = 0; c < values.size(); c++) {
      const bool any = std::find(nulls[c].begin(), nulls[c].end(), 1) != nulls[c].end();
      result.push_back({values[c].data() + row, any ? nulls[c].data() + row : nullptr});
    }
    return result;
  }
};

struct Places {
  explicit Places(const MapPlan& plan)
      : values(plan.payload_count, std::vector<std::int64_t>(batch_rows, 99)),
        nulls(plan.payload_count, std::vector<unsigned char>(batch_rows, 9)),
        found(batch_rows, 9) {
    for (std::uint32_t p = 0; p < plan.payload_count; p++) {
      out.values[p] = values[p].data();
      out.nulls[p] = nulls[p].data();
    }
    out.found = found.data();
  }
  std::vector<std::vector<std::int64_t>> values;
  std::vector<std::vector<unsigned char>> nulls;
  std::vector<unsigned char> found;
  Found out{};

  Cell payload(std::uint32_t p, std::uint32_t row) const { return nulls[p][row] != 0 ? Cell{} : Cell{values[p][row]}; }
};

bool has_null(const Cells& key) { return std::find(key.begin(), key.end(), Cell{}) != key.end(); }

TEST(UniqueMap, FindsWhatAMapFinds) {
  for (const std::uint64_t seed : group::test::seeds(60)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::pmr::monotonic_buffer_resource memory;
    MapPlan plan{};
    plan.key_count = 1 + static_cast<std::uint32_t>(random() % most_join_keys);
    plan.payload_count = static_cast<std::uint32_t>(random() % 5 == 0 ? most_payloads : random() % 4);
    plan.keeps_unmatched = random() % 2 == 0;
    const std::uint64_t nulls = random() % 2 == 0 ? 0 : 5;
    const std::int64_t range = random() % 2 == 0 ? 40 : 1000000;
    const auto cell = [&] {
      if (nulls > 0 && random() % nulls == 0) return Cell{};
      return random() % 20 == 0 ? Cell{INT64_MIN} : Cell{static_cast<std::int64_t>(random() % range)};
    };

    std::map<Cells, Cells> rows;
    std::vector<Cells> unmatched;  // with their payloads, as they come: rows that no key finds
    Columns keys(plan.key_count), payloads(plan.payload_count);
    for (auto count = random() % 5000; count > 0; count--) {
      Cells key, payload;
      for (std::uint32_t k = 0; k < plan.key_count; k++) key.push_back(cell());
      for (std::uint32_t p = 0; p < plan.payload_count; p++) payload.push_back(cell());
      if (has_null(key)) {
        unmatched.push_back(key);
        unmatched.back().insert(unmatched.back().end(), payload.begin(), payload.end());
      } else if (!rows.emplace(key, payload).second) {
        continue;
      }
      for (std::uint32_t k = 0; k < plan.key_count; k++) keys.add(k, key[k]);
      for (std::uint32_t p = 0; p < plan.payload_count; p++) payloads.add(p, payload[p]);
    }
    UniqueMap map;
    ASSERT_TRUE(begin_map(&map, plan, &memory));
    const std::size_t built = keys.values[0].size();
    for (std::size_t from = 0; from < built; from += batch_rows)
      ASSERT_EQ(add_rows(&map, keys.from(from).data(), payloads.from(from).data(),
                         {nullptr, static_cast<std::uint32_t>(std::min<std::size_t>(batch_rows, built - from))}),
                Outcome::done);
    ASSERT_EQ(row_count(map), rows.size() + (plan.keeps_unmatched ? unmatched.size() : 0));

    std::map<Cells, Cells> left = rows;
    for (auto batches = random() % 5; batches > 0; batches--) {
      Columns probing(plan.key_count);
      std::vector<Cells> probed;
      const auto count = static_cast<std::uint32_t>(random() % 3 == 0 ? batch_rows : random() % 400);
      std::vector<std::uint16_t> selected;
      for (std::uint32_t row = 0; row < count; row++) {
        Cells key;
        if (!rows.empty() && random() % 2 == 0) {
          auto place = rows.lower_bound({Cell{static_cast<std::int64_t>(random() % range)}});
          key = place == rows.end() ? rows.begin()->first : place->first;
        } else {
          for (std::uint32_t k = 0; k < plan.key_count; k++) key.push_back(cell());
        }
        for (std::uint32_t k = 0; k < plan.key_count; k++) probing.add(k, key[k]);
        probed.push_back(key);
        if (random() % 3 != 0) selected.push_back(static_cast<std::uint16_t>(row));
      }
      Places places(plan);
      std::vector<std::uint16_t> kept = selected;  // in place
      kept.push_back(0);
      column::Selection result{};
      probe(&map, probing.from(0).data(), {kept.data(), static_cast<std::uint32_t>(selected.size())}, places.out,
            kept.data(), &result);
      std::vector<std::uint16_t> expected;
      for (const auto row : selected) {
        const auto found = has_null(probed[row]) ? rows.end() : rows.find(probed[row]);
        ASSERT_EQ(places.found[row], found != rows.end());
        if (found != rows.end()) expected.push_back(row);
        for (std::uint32_t p = 0; p < plan.payload_count; p++)
          ASSERT_EQ(places.payload(p, row), found == rows.end() ? Cell{} : found->second[p]);
        if (found != rows.end()) left.erase(found->first);
      }
      ASSERT_EQ(std::vector<std::uint16_t>(result.rows, result.rows + result.count), expected);
      for (std::uint32_t row = 0; row < count; row++)
        if (!std::binary_search(selected.begin(), selected.end(), row)) {
          ASSERT_EQ(places.found[row], 9) << "not selected";
        }
    }

    if (!plan.keeps_unmatched) continue;
    for (const auto& [key, payload] : left) {
      unmatched.push_back(key);
      unmatched.back().insert(unmatched.back().end(), payload.begin(), payload.end());
    }
    std::vector<Cells> seen;
    Places places(plan);
    std::vector<std::vector<std::int64_t>> key_values(plan.key_count, std::vector<std::int64_t>(batch_rows));
    std::vector<std::vector<unsigned char>> key_nulls(plan.key_count, std::vector<unsigned char>(batch_rows));
    FoundKeys found_keys{};
    for (std::uint32_t k = 0; k < plan.key_count; k++) {
      found_keys.values[k] = key_values[k].data();
      found_keys.nulls[k] = key_nulls[k].data();
    }
    for (std::uint32_t next = 0; next < row_count(map);) {
      const std::uint32_t count = next_unmatched(map, &next, found_keys, places.out);
      ASSERT_LE(count, batch_rows);
      for (std::uint32_t i = 0; i < count; i++) {
        Cells row;
        for (std::uint32_t k = 0; k < plan.key_count; k++)
          row.push_back(key_nulls[k][i] != 0 ? Cell{} : Cell{key_values[k][i]});
        for (std::uint32_t p = 0; p < plan.payload_count; p++) row.push_back(places.payload(p, i));
        seen.push_back(row);
      }
    }
    std::sort(seen.begin(), seen.end());
    std::sort(unmatched.begin(), unmatched.end());
    ASSERT_EQ(seen, unmatched);
  }
}

TEST(UniqueMap, SaysWhereAKeyIsNotUnique) {
  std::pmr::monotonic_buffer_resource memory;
  MapPlan plan{};
  plan.key_count = 1;
  UniqueMap map;
  ASSERT_TRUE(begin_map(&map, plan, &memory));
  const std::int64_t keys[] = {1, 2, 1};
  const unsigned char nulls[] = {1, 0, 1};
  column::Vector vector{keys, nulls};
  EXPECT_EQ(add_rows(&map, &vector, nullptr, {nullptr, 3}), Outcome::done) << "NULL is equal to nothing";
  vector.nulls = nullptr;
  EXPECT_EQ(add_rows(&map, &vector, nullptr, {nullptr, 1}), Outcome::done);
  EXPECT_EQ(add_rows(&map, &vector, nullptr, {nullptr, 1}), Outcome::duplicate);
  ASSERT_TRUE(begin_map(&map, plan, &memory));
  EXPECT_EQ(add_rows(&map, &vector, nullptr, {nullptr, 3}), Outcome::duplicate) << "in one batch";
  plan.key_count = 0;
  EXPECT_FALSE(begin_map(&map, plan, &memory));
}

}  // namespace
}  // namespace dap::join
