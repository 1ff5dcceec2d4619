#include "engine/column/expression.h"

#include <algorithm>
#include <cstring>

#include "engine/column/datetime.h"

namespace dap::column {

namespace {

// What a row of an operand is, but for a value. An error is one that its row has already met: it wins over NULL, as a
// strict function's arguments are all evaluated before it is looked whether one is NULL.
constexpr unsigned char null_state = 1, error_state = 2;

struct Operand {
  const std::int64_t* values;
  const unsigned char* states;  // nullptr: all are values
};

// Where an operator's result goes. Operands may stand in the same place: a row is read before it is written.
struct Place {
  std::int64_t* values;
  unsigned char* states;
  std::uint32_t rows;
};

std::uint32_t operands_of(Op op) {
  switch (op) {
    case Op::column:
    case Op::constant:
    case Op::null: return 0;
    case Op::logical_not:
    case Op::is_null:
    case Op::is_not_null:
    case Op::date_of_timestamp:
    case Op::timestamp_of_date:
    case Op::truncate_timestamp: return 1;
    case Op::choose: return 3;
    default: return 2;
  }
}

unsigned char state_of(const Operand& operand, std::uint32_t row) {
  return operand.states == nullptr ? 0 : operand.states[row];
}

// The states of a strict operator's result. Those of the second operand may stand above in the stack, where the next
// operand goes: they are copied.
const unsigned char* strict_states(const Place& place, const Operand& a, const Operand& b) {
  if (b.states == nullptr) return a.states;
  if (a.states == nullptr) {
    std::memcpy(place.states, b.states, place.rows);
    return place.states;
  }
  for (std::uint32_t i = 0; i < place.rows; i++) place.states[i] = a.states[i] | b.states[i];
  return place.states;
}

template <class Compare>
Operand compare(const Place& place, const Operand& a, const Operand& b, Compare holds) {
  for (std::uint32_t i = 0; i < place.rows; i++) place.values[i] = holds(a.values[i], b.values[i]);
  return {place.values, strict_states(place, a, b)};
}

Operand distinct(const Place& place, const Operand& a, const Operand& b) {
  if (a.states == nullptr && b.states == nullptr)
    return compare(place, a, b, [](std::int64_t x, std::int64_t y) { return x != y; });
  for (std::uint32_t i = 0; i < place.rows; i++) {
    const unsigned char x = state_of(a, i), y = state_of(b, i);
    place.values[i] = (x | y) == 0 ? a.values[i] != b.values[i] : x != y;
    place.states[i] = (x | y) & error_state;
  }
  return {place.values, place.states};
}

// AND (deciding: 0) and OR (deciding: 1): a deciding first operand leaves the second one alone.
Operand junction(const Place& place, const Operand& a, const Operand& b, std::int64_t deciding) {
  if (a.states == nullptr && b.states == nullptr) {
    if (deciding == 0)
      for (std::uint32_t i = 0; i < place.rows; i++) place.values[i] = a.values[i] & b.values[i];
    else
      for (std::uint32_t i = 0; i < place.rows; i++) place.values[i] = a.values[i] | b.values[i];
    return {place.values, nullptr};
  }
  for (std::uint32_t i = 0; i < place.rows; i++) {
    const unsigned char x = state_of(a, i), y = state_of(b, i);
    const bool first = x == 0 && a.values[i] == deciding;
    const bool second = y == 0 && b.values[i] == deciding;
    unsigned char state = 0;
    if ((x & error_state) != 0) state = error_state;
    else if (!first) state = (y & error_state) != 0 ? error_state : second ? 0 : (x | y);
    place.values[i] = first || second ? deciding : 1 - deciding;
    place.states[i] = state;
  }
  return {place.values, place.states};
}

Operand null_test(const Place& place, const Operand& a, bool wanted) {
  if (a.states == nullptr) {
    std::fill_n(place.values, place.rows, wanted ? 0 : 1);
    return {place.values, nullptr};
  }
  for (std::uint32_t i = 0; i < place.rows; i++) {
    const unsigned char state = a.states[i];
    place.values[i] = ((state & null_state) != 0) == wanted;
    place.states[i] = state & error_state;
  }
  return {place.values, place.states};
}

Operand coalesce(const Place& place, const Operand& a, const Operand& b) {
  if (a.states == nullptr) return a;
  for (std::uint32_t i = 0; i < place.rows; i++) {
    const unsigned char x = a.states[i], y = state_of(b, i);
    place.values[i] = x == 0 ? a.values[i] : b.values[i];
    place.states[i] = x == 0 ? 0 : (x & error_state) != 0 ? error_state : y;
  }
  return {place.values, place.states};
}

Operand choose(const Place& place, const Operand& condition, const Operand& a, const Operand& b) {
  const bool states = condition.states != nullptr || a.states != nullptr || b.states != nullptr;
  for (std::uint32_t i = 0; i < place.rows; i++) {
    const unsigned char state = state_of(condition, i);
    const bool first = state == 0 && condition.values[i] != 0;
    place.values[i] = first ? a.values[i] : b.values[i];
    if (states) place.states[i] = (state & error_state) != 0 ? error_state : first ? state_of(a, i) : state_of(b, i);
  }
  return {place.values, states ? place.states : nullptr};
}

// Marks the rows whose operands are values but whose result is not; `good` says so again, of the operands as they were.
template <class Good>
const unsigned char* with_errors(const Place& place, const unsigned char* states, Good good) {
  if (states == nullptr) std::memset(place.states, 0, place.rows);
  else if (states != place.states) std::memcpy(place.states, states, place.rows);
  for (std::uint32_t i = 0; i < place.rows; i++)
    if (place.states[i] == 0 && !good(i)) place.states[i] = error_state;
  return place.states;
}

bool within(std::int64_t value, Width width) {
  switch (width) {
    case Width::int2: return value == static_cast<std::int16_t>(value);
    case Width::int4: return value == static_cast<std::int32_t>(value);
    case Width::int8: return true;
  }
  return false;
}

// `compute` gives the number and says whether it had to be cut.
template <class Compute>
Operand arithmetic(const Place& place, const Operand& a, const Operand& b, Width width, Compute compute) {
  bool cut[batch_rows];
  bool any = false;
  for (std::uint32_t i = 0; i < place.rows; i++) {
    std::int64_t result;
    cut[i] = compute(a.values[i], b.values[i], &result) || !within(result, width);
    any |= cut[i];
    place.values[i] = result;
  }
  const unsigned char* const states = strict_states(place, a, b);
  if (!any) return {place.values, states};
  return {place.values, with_errors(place, states, [&](std::uint32_t i) { return !cut[i]; })};
}

// What stands where there is NULL is divided too.
bool divide(std::int64_t a, std::int64_t b, std::int64_t* result) {
  *result = 0;
  if (b == -1) return __builtin_sub_overflow(std::int64_t{0}, a, result);
  if (b != 0) *result = a / b;
  return b == 0;
}

bool remainder(std::int64_t a, std::int64_t b, std::int64_t* result) {
  *result = b == 0 || b == -1 ? 0 : a % b;
  return b == 0;
}

Operand to_date(const Place& place, const Operand& a) {
  for (std::uint32_t i = 0; i < place.rows; i++) place.values[i] = date_of_timestamp(a.values[i]);
  return {place.values, a.states};
}

// An operator that gives a timestamp or none.
template <class Compute>
Operand to_timestamp(const Place& place, const Operand& a, Compute compute) {
  bool good[batch_rows];
  bool all = true;
  for (std::uint32_t i = 0; i < place.rows; i++) {
    std::int64_t result = 0;
    good[i] = compute(a.values[i], &result);
    all &= good[i];
    place.values[i] = result;
  }
  if (all) return {place.values, a.states};
  return {place.values, with_errors(place, a.states, [&](std::uint32_t i) { return good[i]; })};
}

std::int64_t truncated(std::int64_t value, Unit unit) {
  const auto days = [](std::int64_t t) { return floor_divide(t, day_microseconds); };
  switch (unit) {
    case Unit::millisecond: return floor_divide(value, 1000) * 1000;
    case Unit::second: return floor_divide(value, 1000000) * 1000000;
    case Unit::minute: return floor_divide(value, 60000000) * 60000000;
    case Unit::hour: return floor_divide(value, 3600000000) * 3600000000;
    case Unit::day: return days(value) * day_microseconds;
    case Unit::week: return monday(days(value)) * day_microseconds;
    case Unit::month: return first_day(days(value), 1) * day_microseconds;
    case Unit::quarter: return first_day(days(value), 3) * day_microseconds;
    case Unit::year: return first_day(days(value), 12) * day_microseconds;
  }
  return value;
}

Operand truncate(const Place& place, const Operand& a, Unit unit) {
  return to_timestamp(place, a, [unit](std::int64_t value, std::int64_t* result) {
    *result = value;
    if (value == timestamp_minus_infinity || value == timestamp_infinity) return true;
    // Also of what stands where there is NULL, which may be no timestamp.
    if (value < first_timestamp || value >= end_timestamp) return false;
    *result = truncated(value, unit);
    return *result >= first_timestamp;
  });
}

Operand apply(const Instruction& instruction, const Place& place, const Operand* on, const Vector* columns) {
  using Number = std::int64_t;
  switch (instruction.op) {
    case Op::column: return {columns[instruction.column].values, columns[instruction.column].nulls};
    case Op::constant: std::fill_n(place.values, place.rows, instruction.constant); return {place.values, nullptr};
    case Op::null:
      std::fill_n(place.values, place.rows, 0);
      std::memset(place.states, null_state, place.rows);
      return {place.values, place.states};
    case Op::equal: return compare(place, on[0], on[1], [](Number a, Number b) { return a == b; });
    case Op::not_equal: return compare(place, on[0], on[1], [](Number a, Number b) { return a != b; });
    case Op::less: return compare(place, on[0], on[1], [](Number a, Number b) { return a < b; });
    case Op::less_equal: return compare(place, on[0], on[1], [](Number a, Number b) { return a <= b; });
    case Op::greater: return compare(place, on[0], on[1], [](Number a, Number b) { return a > b; });
    case Op::greater_equal: return compare(place, on[0], on[1], [](Number a, Number b) { return a >= b; });
    case Op::distinct: return distinct(place, on[0], on[1]);
    case Op::logical_and: return junction(place, on[0], on[1], 0);
    case Op::logical_or: return junction(place, on[0], on[1], 1);
    case Op::logical_not:
      for (std::uint32_t i = 0; i < place.rows; i++) place.values[i] = on[0].values[i] ^ 1;
      return {place.values, on[0].states};
    case Op::is_null: return null_test(place, on[0], true);
    case Op::is_not_null: return null_test(place, on[0], false);
    case Op::coalesce: return coalesce(place, on[0], on[1]);
    case Op::choose: return choose(place, on[0], on[1], on[2]);
    case Op::add:
      return arithmetic(place, on[0], on[1], instruction.width,
                        [](Number a, Number b, Number* result) { return __builtin_add_overflow(a, b, result); });
    case Op::subtract:
      return arithmetic(place, on[0], on[1], instruction.width,
                        [](Number a, Number b, Number* result) { return __builtin_sub_overflow(a, b, result); });
    case Op::multiply:
      return arithmetic(place, on[0], on[1], instruction.width,
                        [](Number a, Number b, Number* result) { return __builtin_mul_overflow(a, b, result); });
    case Op::divide: return arithmetic(place, on[0], on[1], instruction.width, divide);
    case Op::remainder: return arithmetic(place, on[0], on[1], instruction.width, remainder);
    case Op::date_of_timestamp: return to_date(place, on[0]);
    case Op::timestamp_of_date: return to_timestamp(place, on[0], timestamp_of_date);
    case Op::truncate_timestamp: return truncate(place, on[0], instruction.unit);
  }
  return {place.values, nullptr};
}

Operand run(Program* program, const Vector* columns, std::uint32_t rows) {
  Operand stack[most_depth];
  std::uint32_t depth = 0;
  for (std::uint32_t i = 0; i < program->count; i++) {
    const Instruction& instruction = program->instructions[i];
    depth -= operands_of(instruction.op);
    const Place place{program->values + depth * batch_rows, program->states + depth * batch_rows, rows};
    stack[depth] = apply(instruction, place, stack + depth, columns);
    depth++;
  }
  return stack[0];
}

bool has_error(const Operand& result, const Selection& selection) {
  if (result.states == nullptr) return false;
  unsigned char any = 0;
  for (std::uint32_t i = 0; i < selection.count; i++) any |= result.states[row_at(selection, i)];
  return (any & error_state) != 0;
}

bool detail_known(const Instruction& instruction) {
  switch (instruction.op) {
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::divide:
    case Op::remainder: return instruction.width <= Width::int8;
    case Op::truncate_timestamp: return instruction.unit <= Unit::year;
    default: return true;
  }
}

}  // namespace

bool is_program(const Instruction* instructions, std::uint32_t count, std::uint32_t columns, std::uint32_t* deepest) {
  std::uint32_t depth = 0;
  *deepest = 0;
  if (count > most_instructions) return false;
  for (std::uint32_t i = 0; i < count; i++) {
    const Instruction& instruction = instructions[i];
    if (static_cast<std::uint8_t>(instruction.op) >= op_count || !detail_known(instruction)) return false;
    if (instruction.op == Op::column && instruction.column >= columns) return false;
    const std::uint32_t operands = operands_of(instruction.op);
    if (operands > depth) return false;
    depth += 1 - operands;
    *deepest = std::max(*deepest, depth);
  }
  return depth == 1 && *deepest <= most_depth;
}

bool prepare(Program* program, const Instruction* instructions, std::uint32_t count, std::uint32_t columns,
             std::pmr::memory_resource* memory) {
  std::uint32_t deepest;
  if (!is_program(instructions, count, columns, &deepest)) return false;
  auto* copy = static_cast<Instruction*>(memory->allocate(count * sizeof(Instruction), alignof(Instruction)));
  std::copy_n(instructions, count, copy);
  program->instructions = copy;
  program->count = count;
  const std::size_t places = std::size_t{deepest} * batch_rows;
  program->values = static_cast<std::int64_t*>(memory->allocate(places * sizeof(std::int64_t), alignof(std::int64_t)));
  program->states = static_cast<unsigned char*>(memory->allocate(places, 1));
  return true;
}

Outcome evaluate(Program* program, const Vector* columns, std::uint32_t rows, const Selection& selection,
                 Vector* result) {
  const Operand value = run(program, columns, rows);
  if (has_error(value, selection)) return Outcome::overflow;
  *result = Vector{value.values, value.states};
  return Outcome::done;
}

Outcome filter(Program* program, const Vector* columns, std::uint32_t rows, const Selection& selection,
               std::uint16_t* kept, Selection* result) {
  const Operand value = run(program, columns, rows);
  if (has_error(value, selection)) return Outcome::overflow;
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < selection.count; i++) {
    const std::uint32_t row = row_at(selection, i);
    kept[count] = static_cast<std::uint16_t>(row);
    count += static_cast<std::uint32_t>(value.values[row] != 0 && state_of(value, row) == 0);
  }
  *result = Selection{kept, count};
  return Outcome::done;
}

}  // namespace dap::column
