#include "engine/column/dictionary.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "engine/bytes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace dap::column {

namespace {

constexpr std::uint32_t most_texts = 1U << 30;
constexpr std::uint32_t first_index = 64;
constexpr std::size_t first_chunk = 1024, largest_chunk = std::size_t{1} << 20;
constexpr std::uint32_t piece_magic = 0x44504144;  // "DAPD"
constexpr std::size_t piece_header = 12;

std::uint32_t slot_of(std::uint64_t hash, std::uint32_t size) { return static_cast<std::uint32_t>(hash) & (size - 1); }

void grow_index(Dictionary* dictionary) {
  const std::uint32_t size = dictionary->index_size == 0 ? first_index : dictionary->index_size * 2;
  auto* index =
      static_cast<std::uint32_t*>(dictionary->memory->allocate(size * sizeof(std::uint32_t), alignof(std::uint32_t)));
  std::fill_n(index, size, 0);
  for (std::uint32_t code = 0; code < dictionary->count; code++) {
    std::uint32_t slot = slot_of(dictionary->texts[code].hash, size);
    while (index[slot] != 0) slot = (slot + 1) & (size - 1);
    index[slot] = code + 1;
  }
  const std::size_t before = dictionary->index_size * sizeof(std::uint32_t);
  if (before > 0) dictionary->memory->deallocate(dictionary->index, before, alignof(std::uint32_t));
  dictionary->index = index;
  dictionary->index_size = size;
  dictionary->bytes += size * sizeof(std::uint32_t) - before;
}

void grow_texts(Dictionary* dictionary) {
  if (dictionary->capacity >= most_texts) throw std::bad_alloc();
  const std::uint32_t capacity = dictionary->capacity == 0 ? first_index / 2 : dictionary->capacity * 2;
  auto* texts = static_cast<Text*>(dictionary->memory->allocate(capacity * sizeof(Text), alignof(Text)));
  std::copy_n(dictionary->texts, dictionary->count, texts);
  const std::size_t before = dictionary->capacity * sizeof(Text);
  if (before > 0) dictionary->memory->deallocate(dictionary->texts, before, alignof(Text));
  dictionary->texts = texts;
  dictionary->capacity = capacity;
  dictionary->bytes += capacity * sizeof(Text) - before;
}

unsigned char* place_for(Dictionary* dictionary, std::size_t length) {
  if (length > dictionary->place_left) {
    const std::size_t room = std::max(length, dictionary->next_chunk);
    dictionary->place = static_cast<unsigned char*>(dictionary->memory->allocate(room, 1));
    dictionary->place_left = room;
    dictionary->next_chunk = std::min(room * 2, largest_chunk);
    dictionary->bytes += room;
  }
  unsigned char* const place = dictionary->place;
  dictionary->place += length;
  dictionary->place_left -= length;
  return place;
}

std::uint32_t find_hashed(const Dictionary& dictionary, std::uint64_t hash, const void* bytes, std::size_t length) {
  if (dictionary.index_size == 0) return no_code;
  const std::uint32_t mask = dictionary.index_size - 1;
  for (std::uint32_t slot = slot_of(hash, dictionary.index_size); dictionary.index[slot] != 0;
       slot = (slot + 1) & mask) {
    const Text& text = dictionary.texts[dictionary.index[slot] - 1];
    if (text.hash == hash && text.length == length && (length == 0 || std::memcmp(text.bytes, bytes, length) == 0))
      return dictionary.index[slot] - 1;
  }
  return no_code;
}

void add_to_map(CodeMap* map, std::uint32_t code) {
  if (map->count == map->capacity) {
    const std::uint32_t capacity = map->capacity == 0 ? first_index : map->capacity * 2;
    auto* codes = static_cast<std::uint32_t*>(
        map->memory->allocate(std::size_t{capacity} * sizeof(std::uint32_t), alignof(std::uint32_t)));
    std::copy_n(map->codes, map->count, codes);
    if (map->capacity > 0)
      map->memory->deallocate(map->codes, std::size_t{map->capacity} * sizeof(std::uint32_t), alignof(std::uint32_t));
    map->codes = codes;
    map->capacity = capacity;
  }
  map->codes[map->count++] = code;
}

}  // namespace

void begin_dictionary(Dictionary* dictionary, std::pmr::memory_resource* memory) {
  *dictionary = Dictionary{};
  dictionary->memory = memory;
  dictionary->next_chunk = first_chunk;
}

std::uint32_t find_code(const Dictionary& dictionary, const void* bytes, std::size_t length) {
  if (length > most_text_bytes) return no_code;
  return find_hashed(dictionary, XXH3_64bits(bytes, length), bytes, length);
}

std::uint32_t code_of(Dictionary* dictionary, const void* bytes, std::size_t length) {
  if (length > most_text_bytes) return no_code;
  const std::uint64_t hash = XXH3_64bits(bytes, length);
  const std::uint32_t found = find_hashed(*dictionary, hash, bytes, length);
  if (found != no_code) return found;
  if (dictionary->count == dictionary->capacity) grow_texts(dictionary);
  if (dictionary->count >= dictionary->index_size / 2) grow_index(dictionary);
  unsigned char* const place = place_for(dictionary, length);
  if (length > 0) std::memcpy(place, bytes, length);
  const std::uint32_t code = dictionary->count++;
  dictionary->texts[code] = Text{place, hash, static_cast<std::uint32_t>(length)};
  std::uint32_t slot = slot_of(hash, dictionary->index_size);
  while (dictionary->index[slot] != 0) slot = (slot + 1) & (dictionary->index_size - 1);
  dictionary->index[slot] = code + 1;
  return code;
}

// A piece: magic, the first code, how many texts; of each its length, two bytes, and its bytes.
std::size_t export_texts(const Dictionary& dictionary, std::uint32_t* next, unsigned char* out, std::size_t capacity) {
  if (*next >= dictionary.count) return 0;
  const std::uint32_t first = *next;
  unsigned char* at = out + piece_header;
  for (; *next < dictionary.count; ++*next) {
    const Text& text = dictionary.texts[*next];
    if (static_cast<std::size_t>(out + capacity - at) < 2 + std::size_t{text.length}) break;
    at = put(static_cast<std::uint16_t>(text.length), at);
    if (text.length > 0) std::memcpy(at, text.bytes, text.length);
    at += text.length;
  }
  put(*next - first, put(first, put(piece_magic, out)));
  return static_cast<std::size_t>(at - out);
}

bool merge_texts(Dictionary* dictionary, CodeMap* map, const unsigned char* data, std::size_t size) {
  const unsigned char* at = data;
  const unsigned char* const end = data + size;
  if (size < piece_header || get<std::uint32_t>(&at) != piece_magic || get<std::uint32_t>(&at) != map->count)
    return false;
  const auto count = get<std::uint32_t>(&at);
  if (count > most_texts - map->count) return false;
  for (std::uint32_t i = 0; i < count; i++) {
    if (end - at < 2) return false;
    const auto length = get<std::uint16_t>(&at);
    if (length > most_text_bytes || length > end - at) return false;
    add_to_map(map, code_of(dictionary, at, length));
    at += length;
  }
  return at == end;
}

}  // namespace dap::column
