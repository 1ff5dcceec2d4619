// How fast groups, lists, joins and expressions are over rows in memory, in CPU time of one thread.
// Usage: group_engine_bench [million rows, 10]
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory_resource>
#include <random>
#include <vector>

#include "engine/column/datetime.h"
#include "engine/column/expression.h"
#include "engine/group/image.h"
#include "engine/group/items.h"
#include "engine/group/order.h"
#include "engine/join/unique_map.h"

namespace {

using namespace dap;
using namespace dap::group;

constexpr int rounds = 3;
constexpr std::int64_t users = 1000000, days = 365;

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// Slabs, on huge pages where the system has them; all is given back at the end. Small pages are what a malloc gives.
class Slabs final : public std::pmr::memory_resource {
 public:
  explicit Slabs(bool huge) : huge_(huge) {}
  ~Slabs() override {
    for (void* slab : slabs_) std::free(slab);
  }

 private:
  void* do_allocate(std::size_t bytes, std::size_t) override {
    constexpr std::size_t page = std::size_t{2} << 20;
    bytes = (bytes + 63) / 64 * 64;
    if (bytes > left_) {
      left_ = (std::max(bytes, 4 * page) + page - 1) / page * page;
      at_ = static_cast<char*>(std::aligned_alloc(page, left_));
      if (at_ == nullptr) throw std::bad_alloc();
      madvise(at_, left_, huge_ ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
      slabs_.push_back(at_);
    }
    char* const place = at_;
    at_ += bytes;
    left_ -= bytes;
    return place;
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  bool huge_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::vector<void*> slabs_;
};

struct Rows {
  std::vector<std::int64_t> user, amount, time, day;
};

Rows made(std::size_t count) {
  Rows rows;
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < count; i++) {
    rows.user.push_back(1 + static_cast<std::int64_t>(random() % users));
    rows.amount.push_back(static_cast<std::int64_t>(random() % 10000000));
    rows.time.push_back(static_cast<std::int64_t>(
        9131 * column::day_microseconds + static_cast<std::int64_t>(random() % (days * column::day_microseconds))));
    rows.day.push_back(column::date_of_timestamp(rows.time.back()));
  }
  return rows;
}

template <class Use>
void by_batch(std::size_t count, Use use) {
  for (std::size_t from = 0; from < count; from += column::batch_rows)
    use(from, column::Selection{nullptr,
                                static_cast<std::uint32_t>(std::min<std::size_t>(column::batch_rows, count - from))});
}

void report(const char* what, std::vector<double> times, std::size_t bytes) {
  std::sort(times.begin(), times.end());
  std::printf("%-62s %6.0f ms (%.0f to %.0f)", what, 1e3 * times[times.size() / 2], 1e3 * times.front(),
              1e3 * times.back());
  if (bytes > 0) std::printf("  %zu MB", bytes >> 20);
  std::printf("\n");
  std::fflush(stdout);
}

// A batch as a scan leaves it: in the cache. Reading it from the rows is not what is measured.
struct Hot {
  std::int64_t values[4][column::batch_rows];

  column::Vector take(int place, const std::vector<std::int64_t>& from, std::size_t at, std::uint32_t count) {
    std::copy_n(&from[at], count, values[place]);
    return {values[place], nullptr};
  }
};

// count, sum, min, max of `values` by key, and pairs (user, amount) where there is a list. Returns the seconds.
double fill(Table* table, const Rows& rows, const std::vector<std::int64_t>& keys,
            const std::vector<std::int64_t>& values) {
  Hot hot;
  double seconds = 0;
  by_batch(keys.size(), [&](std::size_t from, column::Selection selection) {
    const column::Vector key = hot.take(0, keys, from, selection.count);
    const column::Vector amount = hot.take(1, rows.amount, from, selection.count);
    const column::Vector value = hot.take(2, values, from, selection.count);
    const column::Vector user = hot.take(3, rows.user, from, selection.count);
    const AggregateInput aggregates[] = {{}, {amount, nullptr}, {value, nullptr}, {value, nullptr}};
    const ListInput list{{user, amount}, nullptr};
    const double start = cpu_seconds();
    add_batch(table, Input{selection, &key, aggregates, &list});
    seconds += cpu_seconds() - start;
  });
  return seconds;
}

Plan plan_of(bool list) {
  Plan plan{};
  plan.key_count = 1;
  plan.aggregate_count = 4;
  plan.aggregates[0] = Aggregate::rows;
  plan.aggregates[1] = Aggregate::sum;
  plan.aggregates[2] = Aggregate::least;
  plan.aggregates[3] = Aggregate::greatest;
  plan.list_count = list ? 1 : 0;
  plan.lists[0].columns = 2;
  plan.partition_bits = 4;
  return plan;
}

void travel(const Table& table, bool list, bool huge, const char* what) {
  std::vector<double> times;
  std::size_t bytes = 0;
  std::vector<unsigned char> piece(std::size_t{64} << 10);
  for (int round = 0; round < rounds; round++) {
    Slabs memory(huge);
    Table other;
    begin_table(&other, plan_of(list), &memory);
    bytes = 0;
    const double start = cpu_seconds();
    for (std::uint32_t p = 0; p < partition_count(table); p++) {
      Export work;
      begin_export(&work, p);
      while (const std::size_t size = export_piece(&work, table, piece.data(), piece.size())) {
        merge_piece(&other, piece.data(), size, nullptr);
        bytes += size;
      }
    }
    times.push_back(cpu_seconds() - start);
  }
  report(what, times, bytes);
}

void finish(const Table& table) {
  std::vector<double> medians, items;
  std::int64_t check = 0;
  Slabs memory(false);
  Workspace work{&memory, {}, {}};
  for (int round = 0; round < rounds; round++) {
    double in_medians = 0, in_items = 0;
    for (std::uint32_t p = 0; p < partition_count(table); p++)
      for (std::uint32_t g = 0; g < group_count(table, p); g++) {
        const List& list = list_of(table, group_at(table, p, g), 0);
        const std::uint64_t count = entry_count(list), ranks[] = {(count - 1) / 2, count / 2};
        std::int64_t values[2];
        RankSearch search;
        const double start = cpu_seconds();
        begin_ranks(&search, list, 2, 1, ranks, 2, values, &work, &memory);
        while (step_ranks(&search)) {
        }
        const double middle = cpu_seconds();
        ItemSort sort;
        ItemSum top[5];
        ItemTotals totals{0, 0, top, 5, 0};
        begin_items(&sort, list, 2, &work);
        while (step_items(&sort)) {
        }
        while (step_totals(&sort, &totals)) {
        }
        in_medians += middle - start;
        in_items += cpu_seconds() - middle;
        check += values[0] + values[1] + static_cast<std::int64_t>(totals.distinct) + top[4].item;
      }
    medians.push_back(in_medians);
    items.push_back(in_items);
  }
  report("the days' medians from the lists", medians, 0);
  report("the days' distinct users, totals and top 5 from the lists", items, 0);
  if (check == 0) std::printf("nothing\n");
}

void group_by(const Rows& rows, const std::vector<std::int64_t>& keys, const std::vector<std::int64_t>& values,
              bool list, bool huge, const char* what) {
  std::vector<double> times;
  std::size_t bytes = 0;
  for (int round = 0; round < rounds; round++) {
    Slabs memory(huge);
    Table table;
    const double start = cpu_seconds();
    begin_table(&table, plan_of(list), &memory);
    const double started = cpu_seconds() - start;
    times.push_back(started + fill(&table, rows, keys, values));
    bytes = memory_used(table);
    if (round < rounds - 1) continue;
    report(what, times, bytes);
    if (huge) travel(table, list, huge, "  its image, written and merged");
    if (huge && list) finish(table);
  }
}

void join_users(const Rows& rows, bool huge) {
  std::vector<double> building, probing;
  std::size_t bytes = 0;
  std::vector<std::int64_t> ids, statuses;
  for (std::int64_t user = 1; user <= users; user++) {
    ids.push_back(user);
    statuses.push_back(user % 4);
  }
  std::uint64_t found = 0;
  for (int round = 0; round < rounds; round++) {
    Slabs memory(huge);
    join::MapPlan plan{};
    plan.key_count = plan.payload_count = 1;
    join::UniqueMap map;
    const double start = cpu_seconds();
    begin_map(&map, plan, &memory);
    by_batch(ids.size(), [&](std::size_t from, column::Selection selection) {
      const column::Vector key{&ids[from], nullptr}, payload{&statuses[from], nullptr};
      add_rows(&map, &key, &payload, selection);
    });
    building.push_back(cpu_seconds() - start);
    std::int64_t values[column::batch_rows];
    unsigned char nulls[column::batch_rows], matches[column::batch_rows];
    std::uint16_t kept[column::batch_rows];
    join::Found out{};
    out.values[0] = values;
    out.nulls[0] = nulls;
    out.found = matches;
    Hot hot;
    double seconds = 0;
    by_batch(rows.user.size(), [&](std::size_t from, column::Selection selection) {
      const column::Vector key = hot.take(0, rows.user, from, selection.count);
      column::Selection result;
      const double begun = cpu_seconds();
      probe(&map, &key, selection, out, kept, &result);
      seconds += cpu_seconds() - begun;
      found += result.count;
    });
    probing.push_back(seconds);
    bytes = memory_used(map);
  }
  report("1 M users, id and status, into a map", building, bytes);
  report("each row's user found there", probing, 0);
  if (found == 0) std::printf("nothing\n");
}

column::Instruction instruction(column::Op op, std::uint16_t column = 0, std::int64_t constant = 0) {
  column::Instruction made{};
  made.op = op;
  made.column = column;
  made.constant = constant;
  return made;
}

void express(const Rows& rows, const char* what, const std::vector<column::Instruction>& expression) {
  std::vector<double> times;
  std::uint64_t check = 0;
  for (int round = 0; round < rounds; round++) {
    std::pmr::monotonic_buffer_resource memory;
    column::Program program;
    prepare(&program, expression.data(), static_cast<std::uint32_t>(expression.size()), 2, &memory);
    std::uint16_t kept[column::batch_rows];
    Hot hot;
    double seconds = 0;
    by_batch(rows.user.size(), [&](std::size_t from, column::Selection selection) {
      const column::Vector columns[] = {hot.take(0, rows.amount, from, selection.count),
                                        hot.take(1, rows.time, from, selection.count)};
      column::Selection result{};
      const double start = cpu_seconds();
      filter(&program, columns, selection.count, selection, kept, &result);
      seconds += cpu_seconds() - start;
      check += result.count;
    });
    times.push_back(seconds);
  }
  report(what, times, 0);
  if (check == 0) std::printf("nothing\n");
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = (argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10) * 1000000;
  std::printf("%zu million rows, %d rounds: median (least to most), CPU time\n", count / 1000000, rounds);
  const Rows rows = made(count);
  for (const bool huge : {true, false}) {
    std::printf("-- pages of %s\n", huge ? "2 MB, where there are any" : "4 kB");
    group_by(rows, rows.user, rows.time, false, huge, "by user (1 M): count, sum, min, max");
    group_by(rows, rows.day, rows.amount, true, huge, "by day (365): count, sum, min, max, list of (user, amount)");
    join_users(rows, huge);
  }
  using column::Op;
  std::printf("-- expressions, as filters\n");
  express(rows, "timestamp::date = constant",
          {instruction(Op::column, 1), instruction(Op::date_of_timestamp), instruction(Op::constant, 0, 9200),
           instruction(Op::equal)});
  express(rows, "amount > constant AND timestamp < constant",
          {instruction(Op::column, 0), instruction(Op::constant, 0, 5000000), instruction(Op::greater),
           instruction(Op::column, 1), instruction(Op::constant, 0, 9200 * column::day_microseconds),
           instruction(Op::less), instruction(Op::logical_and)});
  column::Instruction product = instruction(Op::multiply);
  product.width = column::Width::int8;
  express(rows, "amount * amount > constant",
          {instruction(Op::column, 0), instruction(Op::column, 0), product, instruction(Op::constant, 0, 1000000000),
           instruction(Op::greater)});
}
