// What a checked image holds, in parts that a state takes one after the other: how states from other processes are
// added up.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/quantile/image.h"
#include "engine/quantile/sample.h"

namespace dap::quantile {

constexpr std::uint64_t keys_a_part = 4096;
constexpr unsigned slots_a_part = 1U << 16;

enum class Part : std::uint8_t {
  end,
  keys,   // `keys`, perhaps none
  wide,   // `bytes`
  table,  // `section` is of counts, which come next: the sample may be given a table for them before (plan_table)
  file,   // `section` names one
};

struct PartReader {
  const unsigned char* at;
  const unsigned char* end;
  int groups;  // the scale of the keys
  Section section;
  std::uint64_t next;          // in the section
  const unsigned char* place;  // of the next count or wide value
  std::int64_t key;            // of the last slot, still to come `times` times
  std::uint32_t times;
  std::uint64_t expected;  // with the first keys of a section: how many it has
  std::uint64_t key_count;
  const unsigned char* bytes;
  std::uint32_t length;
  std::int64_t keys[keys_a_part];
};

// Opens an image that read_image() has accepted; a sample whose scale is still open takes the image's.
void open_parts(PartReader* reader, const unsigned char* data, std::size_t size, const ImageHeader& header,
                Sample* into);
// The next part. Counts go to the sample's table where it has a slot for them, and come as keys where it has not.
Part next_part(PartReader* reader, Sample* into);

struct Table {
  std::int64_t base;
  std::uint64_t unit, length;
};
// The table of counts that holds the section's slots and those of the sample's present one; false where it has them
// all, or there is none.
bool plan_table(const Sample& sample, const Section& counts, int groups, Table* table);

}  // namespace dap::quantile
