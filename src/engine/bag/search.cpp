#include "engine/bag/search.h"

namespace dap::bag {

namespace {

bool complete(const Search* search) { return search->found == search->wanted; }

// Passes so many equal values; the ranks among them are found.
void pass(Search* search, std::uint64_t times, Special special, const Element& element) {
  search->passed += times;
  while (!complete(search) && search->ranks[search->found] < search->passed)
    search->results[search->found++] = Found{special, element};
}

void pass_special(Search* search, Special special) {
  pass(search, search->cursor.header.specials[special], special, Element{});
}

// With the head the first of its block: passes whole blocks in which no wanted rank is. The cursor then stands at a
// block's first key again.
void skip_blocks(Search* search, unsigned* left) {
  Cursor* cursor = &search->cursor;
  const std::uint64_t before = cursor->header.specials[minus_infinity];  // all other values are keys, or behind them
  while (!cursor->ended && *left > block_items && before + cursor->keys.values <= search->ranks[search->found]) {
    search->passed = before + cursor->keys.values;
    cursor->place = cursor->block.count;
    *left -= block_items;
    advance(cursor);
  }
}

}  // namespace

Outcome begin_search(Search* search, const unsigned char* data, std::size_t size, std::uint64_t rank, unsigned wanted,
                     std::pmr::memory_resource* memory) {
  Header header;
  if (!read_header(data, size, &header)) return Outcome::damaged;
  search->cursor.digits = nullptr;
  open_cursor(&search->cursor, data, size, header.scale, memory);
  search->passed = 0;
  search->ranks[0] = rank;
  search->ranks[1] = rank + 1;
  search->wanted = wanted;
  search->found = 0;
  pass_special(search, minus_infinity);
  return Outcome::more;
}

Outcome step_search(Search* search, unsigned values) {
  Cursor* cursor = &search->cursor;
  while (!complete(search) && !cursor->ended && values > 0) {
    if (cursor->header.wide_count == 0 && cursor->place == 1) skip_blocks(search, &values);
    if (cursor->ended) break;
    pass(search, cursor->head.times, special_count, cursor->head);
    if (!complete(search)) advance(cursor);
    values--;
  }
  if (complete(search)) return Outcome::done;
  if (!cursor->ended) return Outcome::more;
  pass_special(search, infinity);
  pass_special(search, not_a_number);
  return complete(search) && !cursor->damaged ? Outcome::done : Outcome::damaged;
}

}  // namespace dap::bag
