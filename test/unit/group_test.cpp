// Groups against maps: in one table, in several that are brought together, and spilled; what is computed of lists
// against sorted vectors; bytes that are no image.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <memory_resource>
#include <random>

#include "engine/group/items.h"
#include "engine/group/order.h"
#include "group_support.h"

namespace dap::group {
namespace {

using Random = std::mt19937_64;
using test::Bytes;
using test::Groups;

// Counts what is held, so that memory_used() can be checked, and throws when it has given enough.
class CountingMemory final : public std::pmr::memory_resource {
 public:
  std::size_t held = 0;
  std::size_t limit = SIZE_MAX;
  ~CountingMemory() override {
    for (const auto& [place, size] : places_) std::free(place);
  }

 private:
  void* do_allocate(std::size_t bytes, std::size_t) override {
    if (held + bytes > limit) throw std::bad_alloc();
    void* const place = std::malloc(bytes);
    places_[place] = bytes;
    held += bytes;
    return place;
  }
  void do_deallocate(void* place, std::size_t bytes, std::size_t) override {
    const auto found = places_.find(place);
    ASSERT_NE(found, places_.end());
    ASSERT_EQ(found->second, bytes);
    places_.erase(found);
    held -= bytes;
    std::free(place);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  std::map<void*, std::size_t> places_;
};

// One process: dictionaries of its own, shared by all its columns that are texts, and a table.
struct Process {
  CountingMemory memory;
  std::pmr::monotonic_buffer_resource for_maps;
  column::Dictionary dictionary;
  Table table;
};

// What a batch's columns are: the first five numbers, the last two texts.
constexpr std::uint32_t columns = 7, numbers = 5;

struct Shape {
  Plan plan{};
  std::uint32_t keys[column::most_keys];
  std::uint32_t aggregates[most_aggregates];
  std::uint32_t lists[most_lists][2];
  std::int64_t key_range;
  std::uint64_t nulls;  // one in so many is NULL; 0: none
};

bool is_text(std::uint32_t column) { return column >= numbers; }

Shape random_shape(Random* random) {
  Shape shape;
  Plan& plan = shape.plan;
  shape.key_range = (*random)() % 3 == 0 ? 100000 : 1 + static_cast<std::int64_t>((*random)() % 30);
  shape.nulls = (*random)() % 2 == 0 ? 0 : 2 + (*random)() % 8;
  plan.key_count = static_cast<std::uint32_t>((*random)() % 10 == 0 ? column::most_keys : (*random)() % 4);
  for (std::uint32_t k = 0; k < plan.key_count; k++) shape.keys[k] = (*random)() % 2 == 0 ? 0 : (*random)() % columns;
  plan.aggregate_count = static_cast<std::uint32_t>((*random)() % 12 == 0 ? most_aggregates : (*random)() % 7);
  for (std::uint32_t a = 0; a < plan.aggregate_count; a++) {
    plan.aggregates[a] = static_cast<Aggregate>((*random)() % 5);
    shape.aggregates[a] = static_cast<std::uint32_t>((*random)() % numbers);
  }
  plan.list_count = static_cast<std::uint32_t>((*random)() % 4);
  for (std::uint32_t l = 0; l < plan.list_count; l++) {
    plan.lists[l].columns = static_cast<std::uint8_t>(1 + (*random)() % 2);
    for (auto& column : shape.lists[l]) column = static_cast<std::uint32_t>((*random)() % columns);
  }
  plan.partition_bits = static_cast<std::uint32_t>((*random)() % 5);
  return shape;
}

// The plan with a process's own dictionaries.
Plan plan_for(const Shape& shape, const column::Dictionary* dictionary) {
  Plan plan = shape.plan;
  for (std::uint32_t k = 0; k < plan.key_count; k++)
    plan.key_dictionaries[k] = is_text(shape.keys[k]) ? dictionary : nullptr;
  for (std::uint32_t l = 0; l < plan.list_count; l++)
    for (std::uint32_t c = 0; c < plan.lists[l].columns; c++)
      plan.lists[l].dictionaries[c] = is_text(shape.lists[l][c]) ? dictionary : nullptr;
  return plan;
}

std::unique_ptr<Process> new_process(const Shape& shape) {
  auto process = std::make_unique<Process>();
  column::begin_dictionary(&process->dictionary, &process->memory);
  const std::size_t before = process->memory.held;
  EXPECT_TRUE(begin_table(&process->table, plan_for(shape, &process->dictionary), &process->memory));
  EXPECT_EQ(memory_used(process->table), process->memory.held - before);
  return process;
}

struct Naive {
  std::vector<std::optional<Int128>> aggregates;
  std::vector<std::vector<std::pair<std::string, std::string>>> lists;
};
using NaiveGroups = std::map<std::vector<std::string>, Naive>;

struct Batch {
  std::uint32_t rows;
  std::int64_t values[columns][column::batch_rows];
  unsigned char nulls[columns][column::batch_rows];
  column::Vector vectors[columns];
  std::vector<std::uint16_t> selected;
  std::vector<std::vector<std::uint16_t>> filters;
};

std::vector<std::uint16_t> some_of(Random* random, const std::vector<std::uint16_t>& rows) {
  std::vector<std::uint16_t> result;
  const auto share = (*random)() % 5;
  for (const auto row : rows)
    if ((*random)() % 4 < share) result.push_back(row);
  return result;
}

// A batch for a process; what it says to the naive groups does not depend on codes.
void random_batch(Random* random, const Shape& shape, Process* process, Batch* batch) {
  constexpr std::int64_t extremes[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, std::int64_t{INT32_MAX} + 1, 0};
  batch->rows = static_cast<std::uint32_t>((*random)() % 3 == 0 ? column::batch_rows : 1 + (*random)() % 300);
  for (std::uint32_t c = 0; c < columns; c++) {
    bool any = false;
    for (std::uint32_t row = 0; row < batch->rows; row++) {
      std::int64_t value = static_cast<std::int64_t>((*random)() % static_cast<std::uint64_t>(shape.key_range));
      if (is_text(c)) {
        const std::string text = "word " + std::to_string(value % 50);
        value = column::code_of(&process->dictionary, text.data(), text.size());
      } else if (c == 4) {
        value =
            (*random)() % 3 == 0 ? extremes[(*random)() % std::size(extremes)] : static_cast<std::int64_t>((*random)());
      } else if (c > 0) {
        value -= shape.key_range / 2;
      }
      batch->values[c][row] = value;
      batch->nulls[c][row] = shape.nulls > 0 && c != 1 && (*random)() % shape.nulls == 0;
      any = any || batch->nulls[c][row] != 0;
    }
    batch->vectors[c] = {batch->values[c], any || (*random)() % 4 == 0 ? batch->nulls[c] : nullptr};
  }
  std::vector<std::uint16_t> all(batch->rows);
  for (std::uint32_t row = 0; row < batch->rows; row++) all[row] = static_cast<std::uint16_t>(row);
  batch->selected = (*random)() % 2 == 0 ? all : some_of(random, all);
  batch->filters.clear();
  for (std::uint32_t i = 0; i < shape.plan.aggregate_count + shape.plan.list_count; i++)
    batch->filters.push_back((*random)() % 3 == 0 ? some_of(random, batch->selected) : batch->selected);
}

void add_naive(const Shape& shape, const Process& process, const Batch& batch, NaiveGroups* groups) {
  const auto text = [&](std::uint32_t column, std::uint32_t row) {
    if (batch.nulls[column][row] != 0 && batch.vectors[column].nulls != nullptr) return std::string("NULL");
    return test::text_of(batch.values[column][row], is_text(column) ? &process.dictionary : nullptr);
  };
  const auto among = [](const std::vector<std::uint16_t>& rows, std::uint16_t row) {
    return std::binary_search(rows.begin(), rows.end(), row);
  };
  for (const auto row : batch.selected) {
    std::vector<std::string> key;
    for (std::uint32_t k = 0; k < shape.plan.key_count; k++) key.push_back(text(shape.keys[k], row));
    Naive& group = (*groups)[key];
    group.aggregates.resize(shape.plan.aggregate_count);
    group.lists.resize(shape.plan.list_count);
    for (std::uint32_t a = 0; a < shape.plan.aggregate_count; a++) {
      const Aggregate kind = shape.plan.aggregates[a];
      auto& value = group.aggregates[a];
      const bool counts = kind == Aggregate::rows || kind == Aggregate::values;
      if (counts && !value) value = 0;
      if (!among(batch.filters[a], row)) continue;
      if (kind == Aggregate::rows) {
        ++*value;
        continue;
      }
      if (text(shape.aggregates[a], row) == "NULL") continue;
      const Int128 number = batch.values[shape.aggregates[a]][row];
      if (kind == Aggregate::values) ++*value;
      else if (!value) value = number;
      else if (kind == Aggregate::sum) *value += number;
      else value = kind == Aggregate::least ? std::min(*value, number) : std::max(*value, number);
    }
    for (std::uint32_t l = 0; l < shape.plan.list_count; l++) {
      if (!among(batch.filters[shape.plan.aggregate_count + l], row)) continue;
      const std::string first = text(shape.lists[l][0], row);
      const std::string second = shape.plan.lists[l].columns == 2 ? text(shape.lists[l][1], row) : "";
      if (first != "NULL" && second != "NULL") group.lists[l].emplace_back(first, second);
    }
  }
}

void add_to_table(Random* random, const Shape& shape, Process* process, const Batch& batch) {
  column::Vector keys[column::most_keys];
  AggregateInput aggregates[most_aggregates];
  ListInput lists[most_lists];
  std::vector<column::Selection> filters;
  for (const auto& filter : batch.filters)
    filters.push_back({filter.data(), static_cast<std::uint32_t>(filter.size())});
  // All rows of a filter need no filter; all of a batch need no list of rows.
  const auto filter_of = [&](std::size_t i) {
    return batch.filters[i] == batch.selected && (*random)() % 2 == 0 ? nullptr : &filters[i];
  };
  for (std::uint32_t k = 0; k < shape.plan.key_count; k++) keys[k] = batch.vectors[shape.keys[k]];
  for (std::uint32_t a = 0; a < shape.plan.aggregate_count; a++)
    aggregates[a] = {batch.vectors[shape.aggregates[a]], filter_of(a)};
  for (std::uint32_t l = 0; l < shape.plan.list_count; l++)
    lists[l] = {{batch.vectors[shape.lists[l][0]], batch.vectors[shape.lists[l][1]]},
                filter_of(shape.plan.aggregate_count + l)};
  const auto count = static_cast<std::uint32_t>(batch.selected.size());
  const bool all = count == batch.rows && (*random)() % 2 == 0;
  const Input input{{all ? nullptr : batch.selected.data(), count}, keys, aggregates, lists};
  ASSERT_EQ(add_batch(&process->table, input), Outcome::done);
  ASSERT_LE(memory_used(process->table), process->memory.held);
  ASSERT_EQ(memory_used(process->table) + memory_used(process->dictionary), process->memory.held);
}

Groups sorted(const NaiveGroups& naive) {
  Groups groups;
  for (const auto& [key, group] : naive) {
    test::Group& to = groups[key];
    to.aggregates = group.aggregates;
    to.lists = group.lists;
    for (auto& list : to.lists) std::sort(list.begin(), list.end());
  }
  return groups;
}

Groups all_groups(const Table& table) {
  Groups groups;
  for (std::uint32_t p = 0; p < partition_count(table); p++) EXPECT_TRUE(test::read_groups(table, p, &groups));
  return groups;
}

// What the codes of one process are in another.
column::CodeMap code_map(const column::Dictionary& from, Process* to) {
  column::CodeMap map{&to->for_maps, nullptr, 0, 0};
  Bytes piece(column::least_text_piece);
  std::uint32_t next = 0;
  while (const std::size_t size = column::export_texts(from, &next, piece.data(), piece.size()))
    EXPECT_TRUE(column::merge_texts(&to->dictionary, &map, piece.data(), size));
  return map;
}

CodeMaps maps_of(const column::CodeMap* map) {
  CodeMaps maps;
  for (auto& key : maps.keys) key = map;
  for (auto& list : maps.lists)
    for (auto& column : list) column = map;
  return maps;
}

TEST(GroupTable, OneProcessIsTheNaiveResult) {
  for (const std::uint64_t seed : test::seeds(50)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Shape shape = random_shape(&random);
    const auto process = new_process(shape);
    NaiveGroups naive;
    auto batch = std::make_unique<Batch>();
    for (auto batches = random() % 6; batches > 0; batches--) {
      random_batch(&random, shape, process.get(), batch.get());
      add_naive(shape, *process, *batch, &naive);
      add_to_table(&random, shape, process.get(), *batch);
    }
    if (shape.plan.key_count == 0) {
      add_only_group(&process->table);
      add_only_group(&process->table);
      EXPECT_EQ(all_groups(process->table).size(), 1U);
      if (naive.empty()) continue;
    }
    ASSERT_EQ(all_groups(process->table), sorted(naive));
    for (std::uint32_t p = 0; p < partition_count(process->table); p++) clear_partition(&process->table, p);
    EXPECT_TRUE(all_groups(process->table).empty());
    const auto empty = new_process(shape);
    EXPECT_EQ(memory_used(process->table), memory_used(empty->table)) << "all memory is given back";
  }
}

// Several processes with dictionaries of their own; each one's partitions go to a leader that has rows too.
TEST(GroupImage, ProcessesComeTogether) {
  for (const std::uint64_t seed : test::seeds(50)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Shape shape = random_shape(&random);
    NaiveGroups naive;
    auto batch = std::make_unique<Batch>();
    std::vector<std::unique_ptr<Process>> processes;
    for (int p = 0; p < 3; p++) {
      processes.push_back(new_process(shape));
      for (auto batches = random() % 4; batches > 0; batches--) {
        random_batch(&random, shape, processes.back().get(), batch.get());
        add_naive(shape, *processes.back(), *batch, &naive);
        add_to_table(&random, shape, processes.back().get(), *batch);
      }
    }
    Process* const leader = processes[0].get();
    const std::size_t capacity = random() % 2 == 0 ? least_piece : least_piece + random() % 100000;
    for (std::size_t p = 1; p < processes.size(); p++) {
      const column::CodeMap map = code_map(processes[p]->dictionary, leader);
      const CodeMaps maps = maps_of(&map);
      for (std::uint32_t part = 0; part < partition_count(leader->table); part++) {
        auto pieces = test::exported(processes[p]->table, part, capacity);
        std::shuffle(pieces.begin(), pieces.end(), random);
        for (const Bytes& piece : pieces) {
          ASSERT_LE(piece.size(), capacity);
          ASSERT_EQ(merge_piece(&leader->table, piece.data(), piece.size(), &maps), Outcome::done);
        }
      }
    }
    // The leader goes on with rows of its own.
    random_batch(&random, shape, leader, batch.get());
    add_naive(shape, *leader, *batch, &naive);
    add_to_table(&random, shape, leader, *batch);
    ASSERT_EQ(all_groups(leader->table), sorted(naive));
  }
}

// Whenever memory passes a limit, all partitions go to a file; at the end each is brought together alone.
TEST(GroupImage, SpilledIsTheSame) {
  for (const std::uint64_t seed : test::seeds(30)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Shape shape = random_shape(&random);
    const auto process = new_process(shape);
    Table& table = process->table;
    const std::uint32_t partitions = partition_count(table);
    std::vector<std::vector<Bytes>> files(partitions);
    const std::size_t limit = memory_used(table) + random() % 200000;
    NaiveGroups naive;
    auto batch = std::make_unique<Batch>();
    const auto spill = [&](std::uint32_t p) {
      for (Bytes& piece : test::exported(table, p, least_piece + random() % 5000)) files[p].push_back(std::move(piece));
      clear_partition(&table, p);
    };
    for (auto batches = random() % 12; batches > 0; batches--) {
      random_batch(&random, shape, process.get(), batch.get());
      add_naive(shape, *process, *batch, &naive);
      add_to_table(&random, shape, process.get(), *batch);
      if (memory_used(table) > limit)
        for (std::uint32_t p = 0; p < partitions; p++) spill(p);
    }
    for (std::uint32_t p = 0; p < partitions; p++) spill(p);
    Groups groups;
    for (std::uint32_t p = 0; p < partitions; p++) {
      for (const Bytes& piece : files[p])
        ASSERT_EQ(merge_piece(&table, piece.data(), piece.size(), nullptr), Outcome::done);
      ASSERT_TRUE(test::read_groups(table, p, &groups));
      clear_partition(&table, p);
    }
    ASSERT_EQ(groups, sorted(naive));
  }
}

TEST(GroupTable, MillionGroupsGrow) {
  const auto process = std::make_unique<Process>();
  Plan plan{};
  plan.key_count = 2;
  plan.aggregate_count = 1;
  plan.aggregates[0] = Aggregate::sum;
  plan.partition_bits = 3;
  ASSERT_TRUE(begin_table(&process->table, plan, &process->memory));
  constexpr std::int64_t groups = 300000;
  std::int64_t first[column::batch_rows], second[column::batch_rows];
  for (std::int64_t round = 0; round < 2; round++)
    for (std::int64_t from = 0; from < groups; from += column::batch_rows) {
      const auto count = static_cast<std::uint32_t>(std::min<std::int64_t>(column::batch_rows, groups - from));
      for (std::uint32_t i = 0; i < count; i++) {
        first[i] = (from + i) * 86400000000;
        second[i] = (from + i) << 40;
      }
      const column::Vector keys[] = {{first, nullptr}, {second, nullptr}};
      const AggregateInput sum{{first, nullptr}, nullptr};
      ASSERT_EQ(add_batch(&process->table, {{nullptr, count}, keys, &sum, nullptr}), Outcome::done);
    }
  std::uint32_t count = 0;
  for (std::uint32_t p = 0; p < 8; p++) {
    count += group_count(process->table, p);
    EXPECT_GT(group_count(process->table, p), groups / 16) << "partitions of about equal size";
    for (std::uint32_t g = 0; g < group_count(process->table, p); g++) {
      const Row& row = group_at(process->table, p, g);
      ASSERT_EQ(sum_of(process->table, row, 0), static_cast<Int128>(2) * key_of(row, 0));
    }
  }
  EXPECT_EQ(count, groups);
  EXPECT_EQ(memory_used(process->table), process->memory.held);
  // Out of memory at any place: an exception, and nothing leaks or breaks.
  for (std::size_t limit = 0; limit < 600000; limit += 7001) {
    const auto poor = std::make_unique<Process>();
    poor->memory.limit = limit;
    try {
      begin_table(&poor->table, plan, &poor->memory);
      for (std::int64_t from = 0; from < 20000; from += column::batch_rows) {
        for (std::uint32_t i = 0; i < column::batch_rows; i++) first[i] = second[i] = from + i;
        const column::Vector keys[] = {{first, nullptr}, {second, nullptr}};
        const AggregateInput sum{{first, nullptr}, nullptr};
        add_batch(&poor->table, {{nullptr, column::batch_rows}, keys, &sum, nullptr});
      }
      FAIL() << "20,000 groups in " << limit << " bytes";
    } catch (const std::bad_alloc&) {
    }
  }
}

TEST(GroupTable, SumsPass64Bits) {
  const auto process = std::make_unique<Process>();
  Plan plan{};
  plan.aggregate_count = 2;
  plan.aggregates[0] = plan.aggregates[1] = Aggregate::sum;
  ASSERT_TRUE(begin_table(&process->table, plan, &process->memory));
  std::vector<std::int64_t> most(column::batch_rows, INT64_MAX), least(column::batch_rows, INT64_MIN);
  const AggregateInput sums[] = {{{most.data(), nullptr}, nullptr}, {{least.data(), nullptr}, nullptr}};
  ASSERT_EQ(add_batch(&process->table, {{nullptr, column::batch_rows}, nullptr, sums, nullptr}), Outcome::done);
  ASSERT_EQ(add_batch(&process->table, {{nullptr, column::batch_rows}, nullptr, sums, nullptr}), Outcome::done);
  const Row& row = group_at(process->table, 0, 0);
  EXPECT_EQ(sum_of(process->table, row, 0), static_cast<Int128>(INT64_MAX) * 2048);
  EXPECT_EQ(sum_of(process->table, row, 1), static_cast<Int128>(INT64_MIN) * 2048);
}

TEST(GroupTable, RefusesNullWhereAskedTo) {
  const auto process = std::make_unique<Process>();
  Plan plan{};
  plan.list_count = 1;
  plan.lists[0].columns = 2;
  plan.lists[0].refuse_nulls = true;
  ASSERT_TRUE(begin_table(&process->table, plan, &process->memory));
  const std::int64_t values[4] = {1, 2, 3, 4};
  const unsigned char nulls[4] = {0, 0, 1, 0};
  const std::uint16_t without[] = {0, 1, 3};
  const column::Selection filter{without, 3};
  ListInput list{{{values, nullptr}, {values, nulls}}, &filter};
  EXPECT_EQ(add_batch(&process->table, {{nullptr, 4}, nullptr, nullptr, &list}), Outcome::done);
  list.filter = nullptr;
  EXPECT_EQ(add_batch(&process->table, {{nullptr, 4}, nullptr, nullptr, &list}), Outcome::null_in_list);
  plan.lists[0].columns = 3;
  EXPECT_FALSE(begin_table(&process->table, plan, &process->memory));
}

// ---- what is computed of lists ----

std::int64_t random_value(Random* random, int kind) {
  switch (kind) {
    case 0: return static_cast<std::int64_t>((*random)());
    case 1: return static_cast<std::int64_t>((*random)() % 10);
    case 2: return static_cast<std::int64_t>((*random)() % 1000000) - 500000;
    case 3: return (*random)() % 1000 == 0 ? INT64_MAX : static_cast<std::int64_t>((*random)() % 100);
    default: return (*random)() % 2 == 0 ? INT64_MIN : INT64_MAX;
  }
}

TEST(GroupList, RanksItemsAndTops) {
  for (const std::uint64_t seed : test::seeds(60)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    CountingMemory memory;
    Arena arena{};
    List list{};
    std::size_t bytes = 0;
    const std::uint32_t width = 1 + static_cast<std::uint32_t>(random() % 2);
    const std::uint64_t lengths[] = {0, 1, 2, 300, 600, 5000, 70000, 300000};
    const std::uint64_t length = lengths[random() % (seed % 10 == 0 ? 8 : 6)];
    const int first_kind = static_cast<int>(random() % 5), second_kind = static_cast<int>(random() % 5);
    std::vector<std::int64_t> firsts, seconds;
    for (std::uint64_t i = 0; i < length; i++) {
      firsts.push_back(random_value(&random, first_kind));
      seconds.push_back(random_value(&random, second_kind));
      if (width == 1) append<1>(&list, &arena, firsts.back(), 0, &memory, &bytes);
      else append<2>(&list, &arena, firsts.back(), seconds.back(), &memory, &bytes);
    }
    EXPECT_EQ(entry_count(list), length);
    EXPECT_EQ(bytes, memory.held);

    Workspace work{&memory, {}, {}};
    for (std::uint32_t column = 0; column < width && length > 0; column++) {
      auto values = column == 0 ? firsts : seconds;
      std::sort(values.begin(), values.end());
      std::vector<std::uint64_t> ranks;
      for (auto count = random() % (random() % 4 == 0 ? 40 : 5); count > 0; count--) ranks.push_back(random() % length);
      if (random() % 2 == 0) ranks = {(length - 1) / 2, length / 2};
      std::sort(ranks.begin(), ranks.end());
      std::vector<std::int64_t> results(ranks.size());
      RankSearch search;
      begin_ranks(&search, list, width, column, ranks.data(), static_cast<std::uint32_t>(ranks.size()), results.data(),
                  &work, &memory);
      while (step_ranks(&search)) {
      }
      for (std::size_t r = 0; r < ranks.size(); r++) ASSERT_EQ(results[r], values[ranks[r]]) << "rank " << ranks[r];
    }

    std::map<std::int64_t, std::pair<Int128, std::uint64_t>> sums;
    Int128 total = 0;
    for (std::uint64_t i = 0; i < length; i++) {
      auto& sum = sums[firsts[i]];
      if (width == 2) sum.first += seconds[i];
      if (width == 2) total += seconds[i];
      sum.second++;
    }
    std::vector<std::pair<Int128, std::int64_t>> best;
    for (const auto& [item, sum] : sums) best.emplace_back(-sum.first, item);
    std::sort(best.begin(), best.end());
    ItemSort sort;
    begin_items(&sort, list, width, &work);
    while (step_items(&sort)) {
    }
    for (const std::uint32_t wanted : {0U, 5U, 1000U}) {
      std::vector<ItemSum> top(wanted);
      ItemTotals totals{0, 0, top.data(), wanted, 0};
      rewind_items(&sort);
      while (step_totals(&sort, &totals)) {
      }
      EXPECT_EQ(totals.distinct, sums.size());
      EXPECT_EQ(totals.total, total);
      ASSERT_EQ(totals.count, std::min<std::size_t>(wanted, best.size()));
      for (std::uint32_t i = 0; i < totals.count; i++) {
        ASSERT_EQ(top[i].item, best[i].second);
        ASSERT_EQ(top[i].sum, -best[i].first);
      }
    }
    rewind_items(&sort);
    ItemSum item;
    for (const auto& [value, sum] : sums) {
      ASSERT_TRUE(next_item(&sort, &item));
      ASSERT_EQ(item.item, value);
      ASSERT_EQ(item.sum, sum.first);
      ASSERT_EQ(item.count, sum.second);
    }
    EXPECT_FALSE(next_item(&sort, &item));
    clear_arena(&arena, &memory, &bytes);
    EXPECT_EQ(bytes, 0U);
  }
}

// ---- bytes of others ----

TEST(GroupImage, DamagedBytesAreRefusedOrHarmless) {
  for (const std::uint64_t seed : test::seeds(50)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Shape shape = random_shape(&random);
    const auto process = new_process(shape);
    auto batch = std::make_unique<Batch>();
    random_batch(&random, shape, process.get(), batch.get());
    add_to_table(&random, shape, process.get(), *batch);
    for (std::uint32_t p = 0; p < partition_count(process->table); p++)
      for (const Bytes& piece : test::exported(process->table, p, least_piece)) {
        for (int change = 0; change < 10; change++) {
          const auto other = new_process(shape);
          const column::CodeMap map = code_map(process->dictionary, other.get());
          const CodeMaps maps = maps_of(&map);
          Bytes damaged = piece;
          if (change == 0) damaged.resize(random() % damaged.size());
          else damaged[random() % damaged.size()] = static_cast<unsigned char>(random());
          const Outcome outcome = merge_piece(&other->table, damaged.data(), damaged.size(), &maps);
          if (change == 0 && damaged.size() < 16) {
            EXPECT_EQ(outcome, Outcome::damaged);
          }
          if (outcome == Outcome::done) all_groups(other->table);
        }
      }
  }
}

TEST(GroupImage, SumsThatPass128BitsAreRefused) {
  const auto process = std::make_unique<Process>();
  Plan plan{};
  plan.aggregate_count = 2;
  plan.aggregates[0] = Aggregate::sum;
  plan.aggregates[1] = Aggregate::rows;
  ASSERT_TRUE(begin_table(&process->table, plan, &process->memory));
  const std::int64_t value = 1;
  const AggregateInput inputs[] = {{{&value, nullptr}, nullptr}, {{&value, nullptr}, nullptr}};
  ASSERT_EQ(add_batch(&process->table, {{nullptr, 1}, nullptr, inputs, nullptr}), Outcome::done);
  Bytes piece = test::exported(process->table, 0, least_piece).at(0);
  const std::size_t sum_at = piece.size() - 24, count_at = piece.size() - 8;
  Bytes high = piece;
  std::fill_n(high.begin() + static_cast<std::ptrdiff_t>(sum_at), 16, static_cast<unsigned char>(0xff));
  high[sum_at + 15] = 0x7f;
  EXPECT_EQ(merge_piece(&process->table, high.data(), high.size(), nullptr), Outcome::damaged);
  high = piece;
  high[count_at + 7] = 0x80;
  EXPECT_EQ(merge_piece(&process->table, high.data(), high.size(), nullptr), Outcome::damaged);
  EXPECT_EQ(merge_piece(&process->table, piece.data(), piece.size(), nullptr), Outcome::done);
}

}  // namespace
}  // namespace dap::group
