#include "engine/path/pattern.h"

#include <cstring>

namespace dap::path {

namespace {

using Kind = Pattern::Kind;
using Step = Pattern::Step;

// Finds the groups: pairs of braces with a comma of their own. Everything else is left a literal.
void read_groups(Pattern* pattern) {
  std::uint16_t open[longest_pattern];  // those that are not closed, outermost first
  std::size_t depth = 0;
  for (std::size_t at = 0; at < pattern->size; at++) {
    Step* step = &pattern->steps[at];
    *step = {Kind::literal, pattern->text[at], static_cast<std::uint16_t>(at + 1), 0};
    if (pattern->text[at] == '\\' && at + 1 < pattern->size) {
      at++;
      pattern->steps[at] = {Kind::literal, pattern->text[at], static_cast<std::uint16_t>(at + 1), 0};
    } else if (pattern->text[at] == '{') {
      step->next = static_cast<std::uint16_t>(at);  // until the close is found: the last of its commas, or itself
      open[depth++] = static_cast<std::uint16_t>(at);
    } else if (pattern->text[at] == ',' && depth > 0) {
      Step* group = &pattern->steps[open[depth - 1]];
      pattern->steps[group->next].link = static_cast<std::uint16_t>(at);
      group->next = static_cast<std::uint16_t>(at);
    } else if (pattern->text[at] == '}' && depth > 0) {
      Step* group = &pattern->steps[open[--depth]];
      group->next = static_cast<std::uint16_t>(open[depth] + 1);
      if (group->link == 0) continue;
      group->kind = Kind::open;
      step->kind = Kind::close;
      for (std::size_t comma = group->link; comma != 0; comma = pattern->steps[comma].link) {
        pattern->steps[comma].kind = Kind::comma;
        pattern->steps[comma].next = static_cast<std::uint16_t>(at + 1);
      }
    }
  }
  while (depth > 0) {
    std::uint16_t unclosed = open[--depth];
    pattern->steps[unclosed].next = static_cast<std::uint16_t>(unclosed + 1);
  }
}

bool is_of_group(const Step* step) {
  return step->kind == Kind::open || step->kind == Kind::comma || step->kind == Kind::close;
}

// The end of the set that starts at `at` (a '['), or 0 if it is not closed within its alternative; `*looked` is how far
// that was looked for.
std::size_t set_end(const Pattern* pattern, std::size_t at, std::size_t* looked) {
  const char* text = pattern->text;
  std::size_t p = at + 1;
  auto ends = [pattern](std::size_t place) { return place == pattern->size || is_of_group(&pattern->steps[place]); };
  if (!ends(p) && (text[p] == '!' || text[p] == '^')) p++;
  if (!ends(p) && text[p] == ']') p++;  // a ] in first place is a member
  for (; !ends(p); p++) {
    if (text[p] == ']') return p;
    if (text[p] == '\\' && !ends(p + 1)) p++;
  }
  *looked = p;
  return 0;
}

bool set_contains(const char* at, const char* end, unsigned char c) {
  const char* p = at + 1;
  bool negated = *p == '!' || *p == '^';
  if (negated) p++;
  bool found = false;
  while (p < end) {
    if (*p == '\\' && p + 1 < end) p++;
    auto low = static_cast<unsigned char>(*p++);
    auto high = low;
    if (p + 1 < end && *p == '-') {
      p++;
      if (*p == '\\' && p + 1 < end) p++;
      high = static_cast<unsigned char>(*p++);
    }
    if (low <= c && c <= high) found = true;
  }
  return found != negated;
}

// Places in a pattern, a bit each; the last is its end.
constexpr std::size_t places_a_word = 64;
struct Places {
  std::uint64_t words[longest_pattern / places_a_word + 1];

  void clear(std::size_t count) { std::memset(words, 0, count * sizeof(std::uint64_t)); }
  void add(std::size_t place) { words[place / places_a_word] |= std::uint64_t{1} << (place % places_a_word); }
  bool has(std::size_t place) const { return (words[place / places_a_word] >> (place % places_a_word)) & 1; }
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// One pass over a name: the places at which the pattern can be are moved on together, byte by byte.
struct Walk {
  const Pattern* pattern;
  std::size_t words;
  Places now;     // before the byte at hand
  Places next;    // behind it
  Places within;  // behind the character whose bytes are not over

  // From one place over the name's byte; at the name's end (`at_end`) only to where nothing is taken.
  void step(std::size_t place, char byte, bool at_end) {
    if (place == pattern->size) return;
    const Step* step = &pattern->steps[place];
    switch (step->kind) {
      case Kind::literal:
        if (!at_end && step->byte == byte) next.add(step->next);
        break;
      case Kind::star:
        now.add(step->next);
        take_character(place, byte, at_end);
        break;
      case Kind::any: take_character(step->next, byte, at_end); break;
      case Kind::set:
        if (!at_end &&
            set_contains(pattern->text + place, pattern->text + step->next - 1, static_cast<unsigned char>(byte)))
          take_character(step->next, byte, at_end);
        break;
      case Kind::open:
        now.add(step->next);
        for (std::size_t comma = step->link; comma != 0; comma = pattern->steps[comma].link) now.add(comma + 1);
        break;
      case Kind::comma:
      case Kind::close: now.add(step->next); break;
    }
  }

  void take_character(std::size_t to, char byte, bool at_end) {
    if (at_end) return;
    if (static_cast<unsigned char>(byte) >= 0xc0) within.add(to);
    else next.add(to);
  }

  // Takes one byte, or none at the end. What takes nothing leads to places further on only, so that one pass in their
  // order reaches all; false: there is none.
  bool take(char byte, bool at_end) {
    next.clear(words);
    if (at_end || !is_continuation(byte)) {
      for (std::size_t w = 0; w < words; w++) now.words[w] |= within.words[w];
      within.clear(words);
    }
    bool any = false;
    for (std::size_t w = 0; w < words; w++) {
      for (std::uint64_t passed = 0; std::uint64_t left = now.words[w] & ~passed;) {
        std::uint64_t lowest = left & -left;
        passed |= lowest | (lowest - 1);
        step(w * places_a_word + static_cast<std::size_t>(__builtin_ctzll(lowest)), byte, at_end);
      }
      any = any || now.words[w] != 0 || within.words[w] != 0;
    }
    return any;
  }
};

}  // namespace

bool read_pattern(const char* text, std::size_t size, Pattern* pattern) noexcept {
  if (size > longest_pattern) return false;
  pattern->text = text;
  pattern->size = size;
  read_groups(pattern);
  std::size_t no_set_before = 0;
  for (std::size_t at = 0; at < size;) {
    Step* step = &pattern->steps[at];
    if (is_of_group(step)) {
      at++;
      continue;
    }
    if (text[at] == '*') {
      step->kind = Kind::star;
    } else if (text[at] == '?') {
      step->kind = Kind::any;
    } else if (text[at] == '\\' && at + 1 < size) {
      step->byte = text[at + 1];
      step->next = static_cast<std::uint16_t>(at + 2);
    } else if (text[at] == '[' && at >= no_set_before) {
      if (std::size_t end = set_end(pattern, at, &no_set_before)) {
        step->kind = Kind::set;
        step->next = static_cast<std::uint16_t>(end + 1);
      }
    }
    at = step->next;
  }
  return true;
}

bool matches(const Pattern* pattern, const char* name) noexcept {
  Walk walk;
  walk.pattern = pattern;
  walk.words = pattern->size / places_a_word + 1;
  walk.now.clear(walk.words);
  walk.within.clear(walk.words);
  walk.now.add(0);
  for (const char* at = name; *at != '\0'; at++) {
    if (!walk.take(*at, false)) return false;
    std::memcpy(walk.now.words, walk.next.words, walk.words * sizeof(std::uint64_t));
  }
  (void)walk.take('\0', true);
  return walk.now.has(pattern->size);
}

}  // namespace dap::path
