#include "engine/bag/combine.h"

#include <algorithm>
#include <cstring>

namespace dap::bag {

using quantile::DecimalClass;

namespace {

void fail(Cursor* cursor) {
  cursor->damaged = true;
  cursor->ended = true;
  cursor->has_key = cursor->has_wide = false;
}

// A key that does not fit 64 bits at the working scale.
void overflow_key(Cursor* cursor, std::int64_t key) {
  std::uint16_t digits[8];
  const Decimal value = key_decimal(key, cursor->header.scale, digits);
  quantile::write_decimal_bytes(value, cursor->overflow);
  cursor->key.key = key < 0 ? INT64_MIN : INT64_MAX;
  cursor->key.bytes = cursor->overflow;
  cursor->key.length = quantile::decimal_bytes_length(value);
}

void load_key(Cursor* cursor) {
  if (cursor->place == cursor->block.count) {
    cursor->place = 0;
    if (!read_block(&cursor->keys, &cursor->block)) {
      cursor->has_key = false;
      if (cursor->keys.damaged) fail(cursor);
      return;
    }
  }
  const std::int64_t key = cursor->block.keys[cursor->place];
  cursor->key.times = cursor->block.times[cursor->place];
  cursor->place++;
  if (key > cursor->most_scaled || key < -cursor->most_scaled) {
    overflow_key(cursor, key);
    return;
  }
  cursor->key.key = key * cursor->factor;
  cursor->key.bytes = nullptr;
}

void load_wide(Cursor* cursor) {
  WideValue value;
  if (!read_wide(&cursor->wides, &value)) {
    cursor->has_wide = false;
    if (cursor->wides.damaged) fail(cursor);
    return;
  }
  Decimal decimal;
  if (!quantile::read_decimal_bytes(value.bytes, value.length, cursor->digits, &decimal) ||
      (decimal.sort != DecimalClass::negative && decimal.sort != DecimalClass::positive) ||
      decimal_places(decimal) > most_places) {
    fail(cursor);
    return;
  }
  cursor->wide.length = value.length;
  cursor->wide.times = value.times;
  // At the working scale it may be a key, as it may be one of the other bag.
  cursor->wide.bytes = scaled_key(decimal, cursor->scale, &cursor->wide.key) ? nullptr : value.bytes;
}

void choose(Cursor* cursor) {
  if (cursor->damaged) return;
  if (!cursor->has_key && !cursor->has_wide) {
    // Each is at most the header's number: no sum of theirs can pass 64 bits.
    std::uint64_t left = cursor->header.values;
    bool counted = true;
    for (const std::uint64_t times : {cursor->keys.values, cursor->wides.values, cursor->header.specials[0],
                                      cursor->header.specials[1], cursor->header.specials[2]}) {
      counted = counted && times <= left;
      left -= times;
    }
    if (!counted || left != 0) fail(cursor);
    cursor->ended = true;
    return;
  }
  cursor->head_is_wide = cursor->has_wide && (!cursor->has_key || compare(cursor->wide, cursor->key) < 0);
  cursor->head = cursor->head_is_wide ? cursor->wide : cursor->key;
}

void open_both(Combination* work) {
  open_cursor(&work->a, work->a_data, work->a_size, work->scale, work->writer.memory);
  open_cursor(&work->b, work->b_data, work->b_size, work->scale, work->writer.memory);
}

void begin_pass(Combination* work, Combination::Pass pass, int scale) {
  work->pass = pass;
  work->round = true;
  restart_bag(&work->writer, scale);
  open_both(work);
}

void survey_element(Combination* work, const Element& element, std::uint16_t* digits) {
  Decimal value;
  if (element.bytes == nullptr) survey_key(&work->survey, element.key, work->scale);
  else if (quantile::read_decimal_bytes(element.bytes, element.length, digits, &value))
    survey_decimal(&work->survey, value);
}

void write_element(Combination* work, const Element& element, std::uint64_t times, std::uint16_t* digits) {
  Writer* writer = &work->writer;
  std::int64_t key;
  Decimal value;
  if (element.bytes != nullptr) {
    if (quantile::read_decimal_bytes(element.bytes, element.length, digits, &value) &&
        scaled_key(value, writer->scale, &key))
      put_key(writer, key, times);
    else put_wide(writer, element.bytes, element.length, times);
    return;
  }
  if (writer->scale == work->scale) {
    put_key(writer, element.key, times);
    return;
  }
  const int finer = writer->scale - work->scale;
  const std::int64_t power = power_of_ten(std::min(finer < 0 ? -finer : finer, 18));
  if (finer < 0 && finer >= -18 && element.key % power == 0) {
    put_key(writer, element.key / power, times);
    return;
  }
  std::uint16_t few_digits[8];
  value = key_decimal(element.key, work->scale, few_digits);
  if (scaled_key(value, writer->scale, &key)) put_key(writer, key, times);
  else put_wide(writer, value, times);
}

// False: the guess was wrong.
bool take(Combination* work, const Element& element, std::uint64_t times, std::uint16_t* digits) {
  switch (work->pass) {
    case Combination::Pass::guess:
      if (element.bytes != nullptr) return false;
      work->round = work->round && element.key % 10 == 0;
      put_key(&work->writer, element.key, times);
      return true;
    case Combination::Pass::survey: survey_element(work, element, digits); return true;
    case Combination::Pass::write: write_element(work, element, times, digits); return true;
  }
  return true;
}

}  // namespace

void open_cursor(Cursor* cursor, const unsigned char* data, std::size_t size, int scale,
                 std::pmr::memory_resource* memory) {
  cursor->ended = cursor->damaged = cursor->has_key = cursor->has_wide = cursor->head_is_wide = false;
  cursor->place = cursor->block.count = 0;
  cursor->scale = scale;
  if (!open_bag(data, size, &cursor->header, &cursor->keys, &cursor->wides)) {
    fail(cursor);
    return;
  }
  const int finer = scale - cursor->header.scale;
  cursor->factor = finer <= 18 ? power_of_ten(finer) : 0;
  cursor->most_scaled = finer <= 18 ? most_key / cursor->factor : 0;  // zero is a key at every scale
  cursor->has_key = cursor->header.key_count > 0;
  cursor->has_wide = cursor->header.wide_count > 0;
  const Header& header = cursor->header;
  const bool overflows =
      cursor->has_key && (header.first < -cursor->most_scaled || header.last() > cursor->most_scaled);
  if ((cursor->has_wide || overflows) && cursor->digits == nullptr)
    cursor->digits = static_cast<std::uint16_t*>(
        memory->allocate(quantile::most_decimal_digits * sizeof(std::uint16_t), alignof(std::uint16_t)));
  load_key(cursor);
  if (!cursor->damaged) load_wide(cursor);
  choose(cursor);
}

void advance(Cursor* cursor) {
  if (cursor->head_is_wide) load_wide(cursor);
  else load_key(cursor);
  choose(cursor);
}

Outcome begin_combination(Combination* work, const unsigned char* a, std::size_t a_size, const unsigned char* b,
                          std::size_t b_size, bool subtract, std::pmr::memory_resource* memory) {
  Header first, second;
  begin_bag(&work->writer, 0, memory);
  work->a.digits = work->b.digits = nullptr;
  work->a_data = a;
  work->a_size = a_size;
  work->b_data = b;
  work->b_size = b_size;
  work->subtract = subtract;
  work->survey = Survey{};
  if (!read_header(a, a_size, &first) || !read_header(b, b_size, &second)) return Outcome::damaged;
  if (!subtract && first.values > most_values - second.values) return Outcome::too_many;
  for (unsigned i = 0; i < special_count; i++) {
    if (subtract && first.specials[i] < second.specials[i]) return Outcome::negative;
    // Of damaged bytes the sum may be beyond 64 bits: found when the cursors end.
    work->specials[i] = subtract ? first.specials[i] - second.specials[i] : first.specials[i] + second.specials[i];
  }
  work->scale = std::max(first.scale, second.scale);
  begin_pass(work, first.wide_count + second.wide_count > 0 ? Combination::Pass::survey : Combination::Pass::guess,
             work->scale);
  return Outcome::more;
}

Outcome step_combination(Combination* work, unsigned values, std::size_t* size) {
  Cursor* a = &work->a;
  Cursor* b = &work->b;
  for (std::int64_t left = values; left > 0; left--) {
    if (a->ended && b->ended) {
      if (a->damaged || b->damaged) return Outcome::damaged;
      if (work->pass == Combination::Pass::survey) {
        begin_pass(work, Combination::Pass::write, surveyed_scale(work->survey));
        continue;
      }
      if (work->pass == Combination::Pass::guess && work->round && work->writer.key_count > 0 &&
          work->scale > least_scale) {
        begin_pass(work, Combination::Pass::survey, work->scale);
        continue;
      }
      for (unsigned i = 0; i < special_count; i++) put_special(&work->writer, i, work->specials[i]);
      *size = end_bag(&work->writer);
      return work->writer.too_large ? Outcome::too_large : Outcome::done;
    }
    const int order = a->ended ? 1 : b->ended ? -1 : compare(a->head, b->head);
    Cursor* const from = order <= 0 ? a : b;
    std::uint64_t times = from->head.times;
    if (work->subtract && order >= 0) {
      if (a->damaged) return Outcome::damaged;
      if (order > 0 || times < b->head.times) return Outcome::negative;
      times -= b->head.times;
    } else if (order == 0) {
      times += b->head.times;
      if (times > most_values) return Outcome::damaged;
    }
    // The longest values are decoded up to three times.
    if (from->head_is_wide) left -= from->wide.length / 4;
    if (times > 0 && !take(work, from->head, times, from->digits)) {
      begin_pass(work, Combination::Pass::survey, work->scale);
      continue;
    }
    if (order <= 0) advance(a);
    if (order >= 0) advance(b);
  }
  return Outcome::more;
}

void release_combination(Combination* work) {
  for (Cursor* cursor : {&work->a, &work->b}) {
    if (cursor->digits != nullptr)
      work->writer.memory->deallocate(cursor->digits, quantile::most_decimal_digits * sizeof(std::uint16_t),
                                      alignof(std::uint16_t));
    cursor->digits = nullptr;
  }
  release_bag(&work->writer);
}

}  // namespace dap::bag
