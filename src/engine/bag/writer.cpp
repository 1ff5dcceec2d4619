#include "engine/bag/writer.h"

#include <algorithm>
#include <cstring>

namespace dap::bag {

namespace {

constexpr std::size_t least_capacity = 256;
constexpr std::size_t slack = 8;  // write_array stores whole words

// Room for `more` bytes; false when the bag has become too large.
bool reserve(Writer* writer, Buffer* buffer, std::size_t more) {
  if (writer->too_large || writer->keys.size + writer->wide.size + more > most_bag_bytes + most_array_bytes * 2) {
    writer->too_large = true;
    return false;
  }
  if (buffer->size + more <= buffer->capacity) return true;
  const std::size_t capacity = std::max({least_capacity, buffer->size + more, buffer->capacity * 2});
  auto* data = static_cast<unsigned char*>(writer->memory->allocate(capacity, 1));
  if (buffer->data != nullptr) {
    std::memcpy(data, buffer->data, buffer->size);
    writer->memory->deallocate(buffer->data, buffer->capacity, 1);
  }
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

void release(Writer* writer, Buffer* buffer) {
  if (buffer->data != nullptr) writer->memory->deallocate(buffer->data, buffer->capacity, 1);
  *buffer = Buffer{nullptr, 0, 0};
}

unsigned char* write_header(const Writer& writer, unsigned char* out) {
  unsigned parts = 0;
  for (unsigned i = 0; i < special_count; i++)
    if (writer.specials[i] > 0) parts |= minus_infinity_part << i;
  if (writer.key_count > 0) parts |= keys_part;
  if (writer.wide_count > 0) parts |= wide_part;
  *out++ = bag_version;
  *out++ = static_cast<unsigned char>(parts);
  out = put_varint(writer.values, out);
  for (const std::uint64_t times : writer.specials)
    if (times > 0) out = put_varint(times, out);
  if (writer.key_count > 0) {
    *out++ = static_cast<unsigned char>(writer.scale);
    out = put_varint(writer.key_count, out);
    out = put_varint(zigzag(writer.first), out);
    out = put_varint(static_cast<std::uint64_t>(writer.last) - static_cast<std::uint64_t>(writer.first), out);
  }
  if (writer.wide_count > 0) {
    out = put_varint(writer.wide_count, out);
    out = put_varint(writer.wide.size, out);
  }
  return out;
}

}  // namespace

void begin_bag(Writer* writer, int scale, std::pmr::memory_resource* memory) {
  writer->memory = memory;
  writer->keys = writer->wide = Buffer{nullptr, 0, 0};
  restart_bag(writer, scale);
}

void restart_bag(Writer* writer, int scale) {
  writer->keys.size = writer->wide.size = 0;
  writer->values = writer->key_count = writer->wide_count = 0;
  std::fill_n(writer->specials, static_cast<std::size_t>(special_count), 0);
  writer->scale = scale;
  writer->first = writer->last = 0;
  writer->too_large = false;
  writer->pending = 0;
}

void release_bag(Writer* writer) {
  release(writer, &writer->keys);
  release(writer, &writer->wide);
}

void write_block(Writer* writer) {
  const unsigned count = writer->pending;
  writer->pending = 0;
  if (!reserve(writer, &writer->keys, 2 * most_array_bytes + slack)) return;
  unsigned char* out = writer->keys.data + writer->keys.size;
  out = write_array(writer->distances, count, out);
  out = write_array(writer->times, count, out);
  writer->keys.size = static_cast<std::size_t>(out - writer->keys.data);
}

void put_wide(Writer* writer, const unsigned char* bytes, std::uint32_t length, std::uint64_t times) {
  writer->wide_count++;
  writer->values += times;
  if (!reserve(writer, &writer->wide, length + 2 * most_varint_bytes)) return;
  unsigned char* out = put_varint(length, writer->wide.data + writer->wide.size);
  std::memcpy(out, bytes, length);
  out = put_varint(times, out + length);
  writer->wide.size = static_cast<std::size_t>(out - writer->wide.data);
}

void put_wide(Writer* writer, const Decimal& value, std::uint64_t times) {
  const std::uint32_t length = quantile::decimal_bytes_length(value);
  writer->wide_count++;
  writer->values += times;
  if (!reserve(writer, &writer->wide, length + 2 * most_varint_bytes)) return;
  unsigned char* out = put_varint(length, writer->wide.data + writer->wide.size);
  quantile::write_decimal_bytes(value, out);
  out = put_varint(times, out + length);
  writer->wide.size = static_cast<std::size_t>(out - writer->wide.data);
}

std::size_t end_bag(Writer* writer) {
  if (writer->pending > 0) write_block(writer);
  unsigned char header[most_header_bytes];
  const std::size_t size =
      static_cast<std::size_t>(write_header(*writer, header) - header) + writer->wide.size + writer->keys.size;
  writer->too_large |= size > most_bag_bytes;
  return size;
}

void copy_bag(const Writer& writer, unsigned char* out) {
  out = write_header(writer, out);
  if (writer.wide.size > 0) std::memcpy(out, writer.wide.data, writer.wide.size);
  if (writer.keys.size > 0) std::memcpy(out + writer.wide.size, writer.keys.data, writer.keys.size);
}

bool is_bag(const Writer& writer, const unsigned char* data, std::size_t size) {
  unsigned char header[most_header_bytes];
  const auto header_size = static_cast<std::size_t>(write_header(writer, header) - header);
  if (size != header_size + writer.wide.size + writer.keys.size || std::memcmp(data, header, header_size) != 0)
    return false;
  data += header_size;
  return (writer.wide.size == 0 || std::memcmp(data, writer.wide.data, writer.wide.size) == 0) &&
         (writer.keys.size == 0 || std::memcmp(data + writer.wide.size, writer.keys.data, writer.keys.size) == 0);
}

}  // namespace dap::bag
