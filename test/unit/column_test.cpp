// Expressions over vectors against a row-by-row evaluation that stops where SQL would; dates against the standard
// library's calendar; dictionaries against a map.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory_resource>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/column/datetime.h"
#include "engine/column/dictionary.h"
#include "engine/column/expression.h"
#include "group_support.h"

namespace dap::column {
namespace {

using Random = std::mt19937_64;
__extension__ typedef __int128 Int128;

// A value, NULL, or an overflow.
struct Cell {
  enum { value, null, error } state;
  std::int64_t number;
};
constexpr Cell null_cell{Cell::null, 0}, error_cell{Cell::error, 0};

struct Batch {
  std::uint32_t rows;
  std::vector<std::vector<std::int64_t>> values;
  std::vector<std::vector<unsigned char>> nulls;
  std::vector<Vector> vectors;
};

constexpr std::int64_t extremes[] = {0,
                                     1,
                                     -1,
                                     2,
                                     INT16_MAX,
                                     INT16_MIN,
                                     INT32_MAX,
                                     INT32_MIN,
                                     INT64_MAX,
                                     INT64_MIN,
                                     INT64_MAX - 1,
                                     INT64_MIN + 1,
                                     first_timestamp,
                                     first_timestamp - 1,
                                     end_timestamp,
                                     end_timestamp - 1,
                                     first_timestamp / day_microseconds - 1,
                                     end_timestamp / day_microseconds,
                                     3037000500,
                                     day_microseconds - 1};

std::int64_t random_number(Random* random) {
  const auto kind = (*random)() % 4;
  if (kind == 0) return extremes[(*random)() % std::size(extremes)];
  if (kind == 1) return static_cast<std::int64_t>((*random)());
  return static_cast<std::int64_t>((*random)() % 7) - 3;
}

// Columns 0 to 2 are numbers, 3 and 4 booleans; some have no NULLs.
Batch random_batch(Random* random) {
  Batch batch{};
  batch.rows = static_cast<std::uint32_t>((*random)() % 8 == 0 ? batch_rows : 1 + (*random)() % 70);
  for (int column = 0; column < 5; column++) {
    std::vector<std::int64_t> values(batch.rows);
    std::vector<unsigned char> nulls(batch.rows);
    for (auto& value : values) value = column < 3 ? random_number(random) : static_cast<std::int64_t>((*random)() % 2);
    for (auto& null : nulls) null = (*random)() % 4 == 0;
    batch.values.push_back(std::move(values));
    batch.nulls.push_back(std::move(nulls));
  }
  for (std::size_t column = 0; column < 5; column++)
    batch.vectors.push_back({batch.values[column].data(), (*random)() % 3 == 0 ? nullptr : batch.nulls[column].data()});
  return batch;
}

Instruction instruction(Op op) {
  Instruction made{};
  made.op = op;
  return made;
}

// Appends an expression that gives a number or a boolean.
void random_expression(Random* random, bool boolean, int depth, std::vector<Instruction>* out) {
  const auto pick = [random](std::initializer_list<Op> ops) { return ops.begin()[(*random)() % ops.size()]; };
  const auto sub = [&](bool kind) { random_expression(random, kind, depth - 1, out); };
  if (depth == 0 || (*random)() % 8 == 0) {
    Instruction leaf = instruction(pick({Op::column, Op::column, Op::column, Op::constant, Op::null}));
    leaf.column = static_cast<std::uint16_t>(boolean ? 3 + (*random)() % 2 : (*random)() % 3);
    leaf.constant = boolean ? static_cast<std::int64_t>((*random)() % 2) : random_number(random);
    out->push_back(leaf);
    return;
  }
  const auto kind = (*random)() % 6;
  if (kind == 0) {
    sub(true);
    sub(boolean);
    sub(boolean);
    out->push_back(instruction(Op::choose));
  } else if (kind == 1) {
    sub(boolean);
    sub(boolean);
    out->push_back(instruction(Op::coalesce));
  } else if (!boolean && kind == 2) {
    sub(false);
    Instruction last = instruction(pick({Op::date_of_timestamp, Op::timestamp_of_date, Op::truncate_timestamp}));
    if (last.op == Op::truncate_timestamp) last.unit = static_cast<Unit>((*random)() % 9);
    out->push_back(last);
  } else if (!boolean) {
    sub(false);
    sub(false);
    Instruction last = instruction(pick({Op::add, Op::subtract, Op::multiply, Op::divide, Op::remainder}));
    last.width = static_cast<Width>((*random)() % 3);
    out->push_back(last);
  } else if (kind == 2) {
    const Op op = pick({Op::is_null, Op::is_not_null, Op::logical_not});
    sub(op == Op::logical_not || (*random)() % 2 == 0);
    out->push_back(instruction(op));
  } else if (kind == 3) {
    sub(true);
    sub(true);
    out->push_back(instruction(pick({Op::logical_and, Op::logical_or})));
  } else {
    sub(false);
    sub(false);
    out->push_back(instruction(
        pick({Op::equal, Op::not_equal, Op::less, Op::less_equal, Op::greater, Op::greater_equal, Op::distinct})));
  }
}

Cell fit(Int128 value, Width width) {
  const Int128 most = width == Width::int2 ? INT16_MAX : width == Width::int4 ? INT32_MAX : INT64_MAX;
  if (value > most || value < -most - 1) return error_cell;
  return {Cell::value, static_cast<std::int64_t>(value)};
}

std::chrono::sys_days civil(std::int64_t day) {
  return std::chrono::sys_days{std::chrono::days{static_cast<int>(day)}} +
         std::chrono::sys_days{std::chrono::year{2000} / 1 / 1}.time_since_epoch();
}

std::int64_t day_of(std::chrono::sys_days days) {
  return (days - std::chrono::sys_days{std::chrono::year{2000} / 1 / 1}).count();
}

// The calendar repeats itself every 400 years: the standard library's years end at 32767.
std::int64_t first_day_by_library(std::int64_t day, int months) {
  constexpr std::int64_t era = 146097;
  const std::int64_t eras = floor_divide(day, era);
  const std::chrono::year_month_day date{civil(day - eras * era)};
  const auto month = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  const std::chrono::month first{static_cast<unsigned>(month - month % months + 1)};
  return eras * era + day_of(std::chrono::sys_days{date.year() / first / 1});
}

Cell truncate_by_library(std::int64_t value, Unit unit) {
  if (value == INT64_MIN || value == INT64_MAX) return {Cell::value, value};
  if (value < first_timestamp || value >= end_timestamp) return error_cell;
  constexpr std::int64_t lengths[] = {1000, 1000000, 60000000, 3600000000, day_microseconds};
  std::int64_t result;
  if (unit <= Unit::day) {
    const std::int64_t length = lengths[static_cast<int>(unit)];
    result = value - ((value % length) + length) % length;
  } else {
    std::int64_t day = (value - ((value % day_microseconds) + day_microseconds) % day_microseconds) / day_microseconds;
    if (unit == Unit::week)
      while (((day + 5) % 7 + 7) % 7 != 0) day--;  // 2000-01-03 was a Monday: day 2
    else day = first_day_by_library(day, unit == Unit::month ? 1 : unit == Unit::quarter ? 3 : 12);
    result = day * day_microseconds;
  }
  if (result < first_timestamp) return error_cell;
  return {Cell::value, result};
}

Cell compare_cells(Op op, std::int64_t a, std::int64_t b) {
  switch (op) {
    case Op::equal: return {Cell::value, a == b};
    case Op::not_equal: return {Cell::value, a != b};
    case Op::less: return {Cell::value, a < b};
    case Op::less_equal: return {Cell::value, a <= b};
    case Op::greater: return {Cell::value, a > b};
    default: return {Cell::value, a >= b};
  }
}

// Evaluates the expression that ends before `end` in one row, from left to right and no more than SQL does; moves
// `end` to where it begins.
Cell naive(const std::vector<Instruction>& program, std::size_t* end, const Batch& batch, std::uint32_t row) {
  const Instruction& op = program[--*end];
  const auto operand = [&] { return naive(program, end, batch, row); };
  switch (op.op) {
    case Op::column:
      if (batch.vectors[op.column].nulls != nullptr && batch.vectors[op.column].nulls[row] != 0) return null_cell;
      return {Cell::value, batch.vectors[op.column].values[row]};
    case Op::constant: return {Cell::value, op.constant};
    case Op::null: return null_cell;
    case Op::logical_not: {
      const Cell a = operand();
      return a.state == Cell::value ? Cell{Cell::value, 1 - a.number} : a;
    }
    case Op::is_null:
    case Op::is_not_null: {
      const Cell a = operand();
      if (a.state == Cell::error) return a;
      return {Cell::value, (a.state == Cell::null) == (op.op == Op::is_null)};
    }
    case Op::date_of_timestamp: {
      const Cell a = operand();
      if (a.state != Cell::value) return a;
      if (a.number == INT64_MIN || a.number == INT64_MAX)
        return {Cell::value, a.number < 0 ? std::int64_t{INT32_MIN} : std::int64_t{INT32_MAX}};
      const auto rest = (a.number % day_microseconds + day_microseconds) % day_microseconds;
      return {Cell::value, static_cast<std::int64_t>((static_cast<Int128>(a.number) - rest) / day_microseconds)};
    }
    case Op::timestamp_of_date: {
      const Cell a = operand();
      if (a.state != Cell::value) return a;
      if (a.number == INT32_MIN) return {Cell::value, INT64_MIN};
      if (a.number == INT32_MAX) return {Cell::value, INT64_MAX};
      const Int128 wide = static_cast<Int128>(a.number) * day_microseconds;
      if (wide < first_timestamp || wide >= end_timestamp) return error_cell;
      return {Cell::value, static_cast<std::int64_t>(wide)};
    }
    case Op::truncate_timestamp: {
      const Cell a = operand();
      return a.state == Cell::value ? truncate_by_library(a.number, op.unit) : a;
    }
    default: break;
  }
  const Cell last = operand();
  const Cell before = operand();
  if (op.op == Op::choose) {
    const Cell condition = operand();
    if (condition.state == Cell::error) return condition;
    return condition.state == Cell::value && condition.number != 0 ? before : last;
  }
  if (before.state == Cell::error) return before;
  if (op.op == Op::coalesce) return before.state == Cell::value ? before : last;
  if (op.op == Op::logical_and || op.op == Op::logical_or) {
    const std::int64_t deciding = op.op == Op::logical_or;
    if (before.state == Cell::value && before.number == deciding) return before;
    if (last.state == Cell::error) return last;
    if (last.state == Cell::value && last.number == deciding) return last;
    return before.state == Cell::null || last.state == Cell::null ? null_cell : last;
  }
  if (last.state == Cell::error) return last;
  if (op.op == Op::distinct) {
    if (before.state == Cell::null || last.state == Cell::null) return {Cell::value, before.state != last.state};
    return {Cell::value, before.number != last.number};
  }
  if (before.state == Cell::null || last.state == Cell::null) return null_cell;
  const Int128 a = before.number, b = last.number;
  if (op.op == Op::add) return fit(a + b, op.width);
  if (op.op == Op::subtract) return fit(a - b, op.width);
  if (op.op == Op::multiply) return fit(a * b, op.width);
  if (op.op == Op::divide) return b == 0 ? error_cell : fit(a / b, op.width);
  if (op.op == Op::remainder) return b == 0 ? error_cell : fit(a % b, op.width);
  return compare_cells(op.op, before.number, last.number);
}

void check_expression(const std::vector<Instruction>& expression, const Batch& batch, Random* random) {
  std::pmr::monotonic_buffer_resource memory;
  Program program;
  ASSERT_TRUE(prepare(&program, expression.data(), static_cast<std::uint32_t>(expression.size()), 5, &memory));
  std::vector<Cell> expected;
  std::vector<std::uint16_t> good, all, some;
  for (std::uint32_t row = 0; row < batch.rows; row++) {
    std::size_t end = expression.size();
    expected.push_back(naive(expression, &end, batch, row));
    ASSERT_EQ(end, 0U);
    all.push_back(static_cast<std::uint16_t>(row));
    if (expected.back().state != Cell::error) good.push_back(static_cast<std::uint16_t>(row));
    if ((*random)() % 2 == 0) some.push_back(static_cast<std::uint16_t>(row));
  }
  const Selection every{nullptr, batch.rows};
  Vector result{};
  Selection kept{};
  std::vector<std::uint16_t> rows(batch.rows + 1);
  const Outcome outcome = good.size() == all.size() ? Outcome::done : Outcome::overflow;
  EXPECT_EQ(evaluate(&program, batch.vectors.data(), batch.rows, every, &result), outcome);
  EXPECT_EQ(filter(&program, batch.vectors.data(), batch.rows, every, rows.data(), &kept), outcome);
  for (const auto& selected : {good, some}) {
    const Selection selection{selected.data(), static_cast<std::uint32_t>(selected.size())};
    bool fine = true;
    std::vector<std::uint16_t> wanted;
    for (const auto row : selected) {
      fine = fine && expected[row].state != Cell::error;
      if (expected[row].state == Cell::value && expected[row].number != 0) wanted.push_back(row);
    }
    std::copy(selected.begin(), selected.end(), rows.begin());  // in place
    const Selection own{rows.data(), selection.count};
    const Outcome filtered = filter(&program, batch.vectors.data(), batch.rows, own, rows.data(), &kept);
    ASSERT_EQ(filtered, fine ? Outcome::done : Outcome::overflow);
    if (fine) {
      EXPECT_EQ(std::vector<std::uint16_t>(kept.rows, kept.rows + kept.count), wanted);
    }
    ASSERT_EQ(evaluate(&program, batch.vectors.data(), batch.rows, selection, &result), filtered);
    if (!fine) continue;
    for (const auto row : selected) {
      const bool null = result.nulls != nullptr && result.nulls[row] != 0;
      ASSERT_EQ(null, expected[row].state == Cell::null) << "row " << row;
      if (!null) {
        ASSERT_EQ(result.values[row], expected[row].number) << "row " << row;
      }
    }
  }
}

TEST(ColumnExpression, RandomOnes) {
  for (const std::uint64_t seed : group::test::seeds(25)) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    for (int i = 0; i < 60; i++) {
      const Batch batch = random_batch(&random);
      std::vector<Instruction> expression;
      random_expression(&random, random() % 2 == 0, static_cast<int>(random() % 6), &expression);
      check_expression(expression, batch, &random);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

// Every operator over every pair of extremes and NULL.
TEST(ColumnExpression, EachOperatorMeetsExtremesAndNull) {
  Random random(1);
  Batch batch{};
  std::vector<std::int64_t> a, b;
  std::vector<unsigned char> a_null, b_null;
  for (std::size_t i = 0; i <= std::size(extremes); i++)
    for (std::size_t j = 0; j <= std::size(extremes); j++) {
      a.push_back(i < std::size(extremes) ? extremes[i] : INT64_MAX);
      b.push_back(j < std::size(extremes) ? extremes[j] : INT64_MIN);
      a_null.push_back(i == std::size(extremes));
      b_null.push_back(j == std::size(extremes));
    }
  batch.rows = static_cast<std::uint32_t>(a.size());
  ASSERT_LE(batch.rows, batch_rows);
  std::vector<std::int64_t> booleans(a.size());
  for (std::size_t i = 0; i < a.size(); i++) booleans[i] = static_cast<std::int64_t>(i / 3 % 2);
  batch.vectors = {{a.data(), a_null.data()},
                   {b.data(), b_null.data()},
                   {a.data(), a_null.data()},
                   {booleans.data(), a_null.data()},
                   {booleans.data(), b_null.data()}};
  for (std::uint8_t op = static_cast<std::uint8_t>(Op::equal); op < op_count; op++) {
    SCOPED_TRACE("operator " + std::to_string(op));
    for (std::uint8_t detail = 0; detail < 9; detail++) {
      Instruction last = instruction(static_cast<Op>(op));
      last.unit = static_cast<Unit>(detail);
      std::vector<Instruction> expression(2, instruction(Op::column));
      const bool logical = last.op == Op::logical_and || last.op == Op::logical_or;
      expression[0].column = logical ? 3 : 0;
      expression[1].column = logical ? 4 : 1;
      if (last.op >= Op::add && last.op <= Op::remainder && detail > 2) continue;
      if (last.op == Op::choose) {
        expression.insert(expression.begin(), instruction(Op::column));
        expression[0].column = 3;
      } else if (last.op == Op::logical_not) {
        expression = {instruction(Op::column)};
        expression[0].column = 3;
      } else if (last.op == Op::is_null || last.op == Op::is_not_null || last.op >= Op::date_of_timestamp) {
        expression.resize(1);
      }
      expression.push_back(last);
      check_expression(expression, batch, &random);
    }
  }
}

TEST(ColumnExpression, RefusesWhatIsMalformed) {
  std::pmr::monotonic_buffer_resource memory;
  Program program;
  const auto refused = [&](std::vector<Instruction> expression) {
    return !prepare(&program, expression.data(), static_cast<std::uint32_t>(expression.size()), 2, &memory);
  };
  Instruction column = instruction(Op::column);
  EXPECT_FALSE(refused({column}));
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({column, column}));
  EXPECT_TRUE(refused({column, instruction(Op::equal)}));
  EXPECT_TRUE(refused({instruction(Op::logical_not)}));
  EXPECT_TRUE(refused({instruction(static_cast<Op>(op_count))}));
  Instruction wide = instruction(Op::add);
  wide.width = static_cast<Width>(3);
  EXPECT_TRUE(refused({column, column, wide}));
  column.column = 2;
  EXPECT_TRUE(refused({column}));
  column.column = 1;
  std::vector<Instruction> deep(most_depth + 1, column);
  deep.insert(deep.end(), most_depth, instruction(Op::equal));
  EXPECT_TRUE(refused(deep));
  deep.erase(deep.begin());
  deep.pop_back();
  EXPECT_FALSE(refused(deep));
}

TEST(ColumnDatetime, FirstDaysAreTheLibrarys) {
  for (std::int64_t day = -2451545; day < 2500000; day += 1 + (day % 5 == 0 ? 13 : 0))
    for (const int months : {1, 3, 12})
      ASSERT_EQ(first_day(day, months), first_day_by_library(day, months)) << day << " by " << months;
  Random random(2);
  for (int i = 0; i < 100000; i++) {
    const auto day = static_cast<std::int64_t>(random() % 109203527) - 2451545;
    for (const int months : {1, 3, 12}) ASSERT_EQ(first_day(day, months), first_day_by_library(day, months)) << day;
  }
}

TEST(ColumnDictionary, CodesAreDenseAndLasting) {
  std::pmr::monotonic_buffer_resource memory;
  Random random(3);
  Dictionary dictionary;
  begin_dictionary(&dictionary, &memory);
  EXPECT_EQ(find_code(dictionary, "x", 1), no_code);
  std::map<std::string, std::uint32_t> expected;
  std::size_t held = 0;
  for (int i = 0; i < 20000; i++) {
    std::string text(random() % 4 == 0 ? random() % 300 : random() % 3, static_cast<char>('a' + random() % 26));
    if (random() % 2 == 0) text += std::to_string(random() % 2000);
    const auto [place, fresh] = expected.try_emplace(text, static_cast<std::uint32_t>(expected.size()));
    if (fresh) {
      EXPECT_EQ(find_code(dictionary, text.data(), text.size()), no_code);
    }
    ASSERT_EQ(code_of(&dictionary, text.data(), text.size()), place->second);
    ASSERT_GE(memory_used(dictionary), held);
    held = memory_used(dictionary);
  }
  EXPECT_EQ(dictionary.count, expected.size());
  for (const auto& [text, code] : expected) {
    EXPECT_EQ(find_code(dictionary, text.data(), text.size()), code);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(dictionary.texts[code].bytes), dictionary.texts[code].length),
              text);
  }
  const std::string longest(most_text_bytes, 'x');
  EXPECT_EQ(code_of(&dictionary, longest.data(), longest.size()), expected.size());
  EXPECT_EQ(code_of(&dictionary, (longest + "x").data(), longest.size() + 1), no_code);
  EXPECT_EQ(find_code(dictionary, (longest + "x").data(), longest.size() + 1), no_code);

  // To another process, which has some of them already.
  Dictionary other;
  begin_dictionary(&other, &memory);
  for (const char* text : {"", "zzz", "a"}) code_of(&other, text, std::strlen(text));
  CodeMap map{&memory, nullptr, 0, 0};
  std::vector<unsigned char> piece(least_text_piece);
  std::uint32_t next = 0, pieces = 0;
  while (const std::size_t size = export_texts(dictionary, &next, piece.data(), piece.size())) {
    ASSERT_LE(size, piece.size());
    ASSERT_TRUE(merge_texts(&other, &map, piece.data(), size));
    EXPECT_FALSE(merge_texts(&other, &map, piece.data(), size)) << "the same piece again";
    pieces++;
  }
  EXPECT_GT(pieces, 1U);
  ASSERT_EQ(map.count, dictionary.count);
  for (std::uint32_t code = 0; code < dictionary.count; code++) {
    const Text &from = dictionary.texts[code], &to = other.texts[map.codes[code]];
    ASSERT_EQ(std::string(reinterpret_cast<const char*>(from.bytes), from.length),
              std::string(reinterpret_cast<const char*>(to.bytes), to.length));
    ASSERT_EQ(from.hash, to.hash);
  }
}

}  // namespace
}  // namespace dap::column
