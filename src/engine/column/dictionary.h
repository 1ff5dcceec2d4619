// Texts as codes: equal bytes have one code, codes are dense, in order of appearance. Plain data in memory of the
// caller's resource: it may be abandoned at any time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>

namespace dap::column {

// Of a longer text there is no code: a piece of an image holds one whole.
constexpr std::uint32_t most_text_bytes = 16 * 1024;
constexpr std::uint32_t no_code = UINT32_MAX;

struct Text {
  const unsigned char* bytes;
  std::uint64_t hash;  // the same in every process
  std::uint32_t length;
};

struct Dictionary {
  std::pmr::memory_resource* memory;
  Text* texts;  // by code
  std::uint32_t count, capacity;
  std::uint32_t* index;  // 1 + code, 0: free
  std::uint32_t index_size;
  unsigned char* place;  // where the next text goes
  std::size_t place_left, next_chunk;
  std::size_t bytes;  // held
};

void begin_dictionary(Dictionary* dictionary, std::pmr::memory_resource* memory);

// The code of a text, a new one if it is new; no_code where it is longer than most_text_bytes. Throws std::bad_alloc
// and has then changed nothing.
std::uint32_t code_of(Dictionary* dictionary, const void* bytes, std::size_t length);
// The code of a text that is there, else no_code: no row of the columns has it so far.
std::uint32_t find_code(const Dictionary& dictionary, const void* bytes, std::size_t length);

inline std::size_t memory_used(const Dictionary& dictionary) { return dictionary.bytes; }

// ---- one process's codes as those of another ----
struct CodeMap {
  std::pmr::memory_resource* memory;
  std::uint32_t* codes;  // by the other's code
  std::uint32_t count, capacity;
};

constexpr std::size_t least_text_piece = most_text_bytes + 32;

// The next piece of a dictionary's image: texts from code *next on, which is moved, in at most `capacity` bytes, which
// are least_text_piece or more. Returns its size; 0 when there are no more.
std::size_t export_texts(const Dictionary& dictionary, std::uint32_t* next, unsigned char* out, std::size_t capacity);

// Takes a piece of another's image: its texts become own ones, the map longer. False where the bytes are no such piece,
// or not the next one. Throws std::bad_alloc.
bool merge_texts(Dictionary* dictionary, CodeMap* map, const unsigned char* data, std::size_t size);

}  // namespace dap::column
