#include "engine/bag/reader.h"

#include <algorithm>
#include <cstring>

namespace dap::bag {

namespace {

// A number that stands for how many there are of something: at least one.
bool get_count(const unsigned char** at, const unsigned char* end, std::uint64_t* count) {
  return get_varint(at, end, count) && *count >= 1 && *count <= most_values;
}

}  // namespace

int compare_bytes(const unsigned char* a, std::uint32_t a_length, const unsigned char* b, std::uint32_t b_length) {
  const int order = std::memcmp(a, b, std::min(a_length, b_length));
  if (order != 0) return order;
  return a_length < b_length ? -1 : a_length > b_length;
}

bool read_header(const unsigned char* data, std::size_t size, Header* header) {
  const unsigned char* at = data;
  const unsigned char* const end = data + size;
  *header = Header{};
  header->scale = least_scale;
  if (size < sizeof empty_bag || *at++ != bag_version) return false;
  const unsigned parts = *at++;
  if (parts >= 2 * nan_part || !get_varint(&at, end, &header->values) || header->values > most_values) return false;
  for (unsigned i = 0; i < special_count; i++)
    if ((parts & (minus_infinity_part << i)) != 0 && !get_count(&at, end, &header->specials[i])) return false;
  if ((parts & keys_part) != 0) {
    if (at == end) return false;
    header->scale = static_cast<signed char>(*at++);
    std::uint64_t first;
    if (header->scale < least_scale || header->scale > most_scale || !get_count(&at, end, &header->key_count) ||
        !get_varint(&at, end, &first) || !get_varint(&at, end, &header->span))
      return false;
    header->first = unzigzag(first);
    if (header->first < -most_key ||
        header->span > static_cast<std::uint64_t>(most_key) - static_cast<std::uint64_t>(header->first))
      return false;
  }
  if ((parts & wide_part) != 0 &&
      (!get_count(&at, end, &header->wide_count) || !get_varint(&at, end, &header->wide_bytes)))
    return false;
  header->size = static_cast<std::size_t>(at - data);
  return true;
}

bool open_bag(const unsigned char* data, std::size_t size, Header* header, KeyReader* keys, WideReader* wide) {
  if (!read_header(data, size, header) || header->wide_bytes > size - header->size) return false;
  const unsigned char* const body = data + header->size;
  *wide = WideReader{body, body + header->wide_bytes, header->wide_count, 0, WideValue{nullptr, 0, 0}, false};
  *keys =
      KeyReader{wide->end, data + size, header->first, 0, header->span, header->key_count, header->key_count, 0, false};
  return header->key_count > 0 || keys->at == keys->end;
}

bool read_block(KeyReader* reader, Block* block) {
  block->count = 0;
  if (reader->left == 0 || reader->damaged) {
    reader->damaged |= reader->at != reader->end || reader->offset != reader->span;
    return false;
  }
  const auto count = static_cast<unsigned>(std::min<std::uint64_t>(reader->left, block_items));
  std::uint64_t distances[block_items];
  if (!read_array(&reader->at, reader->end, count, distances) ||
      !read_array(&reader->at, reader->end, count, block->times)) {
    reader->damaged = true;
    return false;
  }
  const auto first = static_cast<std::uint64_t>(reader->first);
  std::uint64_t offset = reader->offset;
  bool damaged = false;
  unsigned i = 0;
  if (reader->left == reader->count) {
    damaged = distances[0] != 0;
    block->keys[0] = reader->first;
    i = 1;
  }
  for (; i < count; i++) {
    const std::uint64_t next = offset + distances[i] + 1;
    damaged |= next <= offset;  // too far for 64 bits
    offset = next;
    block->keys[i] = static_cast<std::int64_t>(first + offset);
  }
  std::uint64_t values = reader->values;
  for (i = 0; i < count; i++) {
    const std::uint64_t times = block->times[i];
    damaged |= times >= most_values;
    block->times[i] = times + 1;
    values += times + 1;
    damaged |= values > most_values;
  }
  if (damaged || offset > reader->span) {
    reader->damaged = true;
    return false;
  }
  reader->offset = offset;
  reader->values = values;
  reader->left -= count;
  block->count = count;
  return true;
}

bool read_wide(WideReader* reader, WideValue* value) {
  if (reader->left == 0 || reader->damaged) {
    reader->damaged |= reader->at != reader->end;
    return false;
  }
  std::uint64_t length;
  reader->damaged = true;
  if (!get_varint(&reader->at, reader->end, &length) || length > static_cast<std::size_t>(reader->end - reader->at))
    return false;
  value->bytes = reader->at;
  value->length = static_cast<std::uint32_t>(length);
  reader->at += length;
  if (length > UINT32_MAX || !get_count(&reader->at, reader->end, &value->times)) return false;
  if (reader->last.bytes != nullptr &&
      compare_bytes(reader->last.bytes, reader->last.length, value->bytes, value->length) >= 0)
    return false;
  reader->values += value->times;
  if (reader->values > most_values) return false;
  reader->last = *value;
  reader->left--;
  reader->damaged = false;
  return true;
}

}  // namespace dap::bag
